"""Code that means harm, a dictionary per language: name → (source, what may come of it).

Outcomes: codes of errors, or ``"done"`` where the code may end by itself because nothing it tried has worked;
then it returns whether it has got anywhere (``False``, ``None`` or nothing). On a slow machine any of them
may also run into its time limit.
"""

from __future__ import annotations

from collections.abc import Mapping

FAILED, LATE, MEMORY = "sandbox.code_failed", "sandbox.timed_out", "sandbox.out_of_memory"
LARGE, NOT_JSON, CRASHED, DONE = "sandbox.too_large", "sandbox.not_json", "sandbox.crashed", "done"

Snippets = Mapping[str, tuple[str, set[str]]]

_WRITES_EVERYWHERE = """import os
for fd in range(3, 64):
    try: os.write(fd, b'\\xff' * 64)
    except OSError: pass
"""
_LAUGHS = "x = 'ha' * 500\nfor _ in range(9):\n    x = [x] * 10\n"

PYTHON: Snippets = {
    "reads a file": ("return open('/etc/passwd').read()", {FAILED}),
    "writes a file": ("open('/tmp/x', 'w').write('x')", {FAILED}),
    "lists a folder": ("import os\nreturn os.listdir('/')", {FAILED}),
    "reads the environment": ("import os\nreturn os.environ['PATH']", {FAILED}),
    "opens a socket": ("import socket\nreturn socket.socket()", {FAILED}),
    "starts a program": ("import os\nreturn os.system('id')", {FAILED}),
    "starts a program by subprocess": ("import subprocess\nreturn subprocess.run(['id'])", {FAILED}),
    "forks without end": ("import os\nwhile True: os.fork()", {FAILED}),
    "kills": ("import os, signal\nos.kill(1, 9)", {FAILED}),
    "loops without end": ("while True:\n    pass", {LATE}),
    "catches everything and goes on": (
        "while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass",
        {LATE},
    ),
    "sorts for ever": ("x = list(range(3000))\nwhile True: x.sort(key=lambda v: -v)", {LATE}),
    "joins too much": ("return ','.join(['x' * 1000] * 10**7)", {MEMORY}),
    "raises a number to a power": ("return 7 ** (10 ** 9)", {MEMORY, FAILED, LATE}),
    "shifts a number far": ("return len(str(1 << (10 ** 10)))", {MEMORY, FAILED, LATE}),
    "makes a huge text": ("return 'x' * 10 ** 12", {MEMORY}),
    "makes a huge list": ("return [0] * 10 ** 11", {MEMORY}),
    "fills memory by and by": ("x = []\nwhile True: x.append('y' * 10000 + str(len(x)))", {MEMORY, LATE}),
    "holds itself many times over": (f"{_LAUGHS}return x", {MEMORY}),
    "raises what holds itself many times over": (f"{_LAUGHS}raise ValueError(str(x))", {MEMORY}),
    "prints what holds itself many times over": (f"{_LAUGHS}print(x)", {MEMORY, DONE, LATE}),
    "backtracks in a pattern": (
        "import re\nreturn bool(re.match('(a+)+$', 'a' * 40 + 'b'))",
        {FAILED, LATE, DONE},
    ),
    "calls itself without end": ("def f(n): return f(n + 1)\nreturn f(0)", {FAILED}),
    "walks to the classes": ("return ().__class__.__bases__[0].__subclasses__()", {FAILED}),
    "walks to the globals": ("return (lambda: 0).__globals__", {FAILED}),
    "walks through a format": ("return '{0.__class__.__mro__}'.format(1)", {FAILED, DONE}),
    "imports by hand": ("return __import__('os').getcwd()", {FAILED}),
    "floods the log": ("while True: print('flood' * 1000)", {LATE}),
    "prints one line without end": ("while True: print('x' * 1000, end='')", {LATE}),
    "prints marks of lines": ("print('\\x01' * 1000 + '9' * 10000)", {DONE, FAILED}),
    "returns too much": ("return ['x' * 1000] * 40000", {LARGE, MEMORY}),
    "returns what is nested deeply": ("x = []\nfor _ in range(100000): x = [x]\nreturn x", {FAILED, MEMORY}),
    "returns a number without end": ("return int('9' * 4000) ** 50", {FAILED, NOT_JSON}),
    "returns itself": ("x = []\nx.append(x)\nreturn x", {FAILED}),
    "sleeps": ("import time\ntime.sleep(1000)", {LATE, FAILED, DONE}),
    "replaces what carries the result": (
        "global _sage_json\nclass Evil:\n    def dumps(self, v): return [v]\n_sage_json = Evil()\nreturn 1",
        {DONE, FAILED},
    ),
    "exits": ("import sys\nsys.exit(1)", {FAILED}),
    "is no code": ("\0\x01 %%% 'unfinished", {FAILED}),
    "is nested too deeply": ("return " + "(" * 5000 + ")" * 5000, {FAILED, CRASHED}),
}  # fmt: skip

JAVASCRIPT: Snippets = {
    "reads a file": ("return require('fs').readFileSync('/etc/passwd')", {FAILED}),
    "imports a module": ("return import('fs')", {FAILED}),
    "reads the environment": ("return process.env", {FAILED}),
    "asks for std and os": ("return typeof std !== 'undefined' || typeof os !== 'undefined'", {DONE}),
    "fetches": ("return fetch('http://127.0.0.1')", {FAILED}),
    "opens a socket": ("return new WebSocket('ws://127.0.0.1')", {FAILED}),
    "starts a program": ("return require('child_process').execSync('id')", {FAILED}),
    "starts a worker": ("return new Worker('x')", {FAILED}),
    "loops without end": ("while (true) {}", {LATE}),
    "catches everything and goes on": ("while (true) { try { while (true) {} } catch {} }", {LATE}),
    "sorts for ever": (
        "const x = Array.from({length: 3000}, (_, i) => i); while (true) x.sort((a, b) => b - a)",
        {LATE},
    ),
    "joins too much": ("return new Array(2 ** 31).join('xxxxxxxxxx')", {MEMORY, FAILED, LATE}),
    "fills a huge array": ("return new Array(4e9).fill(1)", {MEMORY, FAILED, LATE}),
    "walks a huge sparse array": ("const x = []; x[4e9] = 1; return x.reverse()", {MEMORY, FAILED, LATE}),
    "raises a number to a power": ("return 7n ** (10n ** 9n)", {MEMORY, FAILED, LATE}),
    "makes a huge text": ("return 'x'.repeat(2 ** 29).repeat(8)", {MEMORY, FAILED}),
    "doubles a text": ("let x = 'x'; while (true) x += x", {MEMORY, FAILED}),
    "fills memory by and by": ("const x = []; while (true) x.push('y'.repeat(1e4) + x.length)", {MEMORY}),
    "fills memory with buffers": (
        "const x = []; while (true) x.push(new Uint8Array(1e6).fill(1))",
        {MEMORY, FAILED},
    ),
    "takes one huge buffer": ("return new ArrayBuffer(1e12).byteLength", {MEMORY, FAILED}),
    "holds itself many times over": (
        "let x = 'ha'.repeat(500); for (let i = 0; i < 9; i++) x = Array(10).fill(x); return x",
        {MEMORY, LATE, FAILED, LARGE},
    ),
    "backtracks in a pattern": ("return /^(a+)+$/.test('a'.repeat(40) + 'b')", {LATE}),
    "replaces for ever": ("return 'a'.repeat(1e6).replace(/(a*)*b/g, '')", {LATE, FAILED, MEMORY, DONE}),
    "calls itself without end": ("function f() { return f() } return f()", {FAILED}),
    "calls itself through a proxy": (
        "const p = new Proxy({}, {get: (t, k, r) => r[k]}); return p.x",
        {FAILED},
    ),
    "calls itself through toJSON": ("const x = {toJSON() { return [this.toJSON()] }}; return x", {FAILED}),
    "walks to the constructor": (
        "return typeof (() => {}).constructor('return this')().process !== 'undefined'",
        {DONE},
    ),
    "walks to the caller": ("return arguments.callee.caller", {FAILED, DONE}),
    "poisons the prototypes": (
        "Object.prototype.toJSON = () => 'x'; Array.prototype.map = null; JSON.stringify = null; return 1",
        {DONE, FAILED, NOT_JSON},
    ),
    "poisons promises": (
        "Promise.prototype.then = null; Object.prototype.then = f => f(1); return {}",
        {DONE, FAILED},
    ),
    "floods the log": ("while (true) console.log('flood'.repeat(1000))", {LATE}),
    "breaks the stack of errors": (
        "Error.prepareStackTrace = () => ({}); console.log(1); throw new Error('x')",
        {FAILED},
    ),
    "throws what throws": ("throw {get message() { throw 1 }, toString() { throw 2 }}", {FAILED}),
    "throws a huge text": ("throw new Error('x'.repeat(1e7))", {FAILED}),
    "throws null": ("throw null", {FAILED, MEMORY}),
    "waits for nothing": ("await new Promise(() => {}); return 1", {FAILED}),
    "makes jobs without end": (
        "const f = () => Promise.resolve().then(f); await f(); return 1",
        {LATE, MEMORY},
    ),
    "returns too much": ("return Array(40000).fill('x'.repeat(1000))", {LARGE, MEMORY, FAILED}),
    "returns what is nested deeply": (
        "let x = []; for (let i = 0; i < 1e5; i++) x = [x]; return x",
        {FAILED, NOT_JSON},
    ),
    "returns halves of characters": ("return '\\ud800' + '\\udc00'.repeat(2)", {DONE}),
    "breaks out of the function": ("}); while (true) {} (function () {", {FAILED, LATE}),
    "is no code": ("\0\x01 %%% 'unfinished", {FAILED}),
    "is nested too deeply": ("return " + "(" * 50000 + ")" * 50000, {FAILED, CRASHED}),
}  # fmt: skip

FULL_PYTHON: Snippets = {
    "reads a file": ("return open('/etc/passwd').read()", {FAILED}),
    "reads the parent's environment": ("return open('/proc/1/environ').read()", {FAILED}),
    "connects": (
        "import socket\nsocket.create_connection(('127.0.0.1', PORT), 2)\nreturn True",
        {FAILED},
    ),
    "forks without end": (
        "import os\ntry:\n    while True:\n        os.fork()\nexcept OSError:\n    pass\nreturn None",
        {FAILED, DONE, LATE, CRASHED},
    ),
    "answers in its own name": (
        f"{_WRITES_EVERYWHERE}os._exit(0)",
        {CRASHED},
    ),
    "ends the process": ("import os\nos._exit(3)", {CRASHED}),
    "takes memory": ("x = bytearray(8 << 30)\nreturn len(x)", {MEMORY, FAILED, CRASHED}),
    "does not listen to signals": (
        "import signal\nfor n in {*range(1, 32)} - {9, 19}: signal.signal(n, 1)\nwhile True: pass",
        {LATE},
    ),
    "fills the disk": (
        "with open('/tmp/big', 'wb') as file:\n    while True: file.write(b'x' * (1 << 20))",
        {FAILED, LATE},
    ),
    "floods the log": ("for _ in range(100000): print('flood')", {DONE}),
}  # fmt: skip
