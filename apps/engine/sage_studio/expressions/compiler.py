"""A tree to nested closures: names are resolved once, so that evaluating is only calling.

Every closure takes the environment of one evaluation: ``[scope, budget, slot, slot, …]``. Each
parameter of each arrow has its own slot; arrows exist only as arguments, so none is ever re-entered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sage_studio.expressions.budget import Budget
from sage_studio.expressions.errors import (
    NULL_ACCESS,
    TOO_DEEP,
    UNKNOWN_METHOD,
    UNKNOWN_NAME,
    ExpressionError,
    fault,
    suggestion,
    unsupported,
)
from sage_studio.expressions.functions import CALLBACKS, CONSTANTS, FUNCTIONS, NAMESPACES, VALUES, Builtin
from sage_studio.expressions.methods import BY_TYPE, PLAIN_TEXT, Callback, Use, method_of
from sage_studio.expressions.operators import (
    ARITHMETIC,
    COMPARISON,
    Value,
    add,
    contains_key,
    leaving,
    loose_equal,
    read,
    strict_equal,
    tidy,
    to_number,
    to_text,
    truthy,
    type_name,
    wrong_kind,
)
from sage_studio.expressions.syntax import (
    Arrow,
    Binary,
    Call,
    Chain,
    Choice,
    Fields,
    Items,
    Literal,
    Member,
    Name,
    Node,
    Spread,
    Text,
    Unary,
)

Run: TypeAlias = Callable[[list[Any]], Value]

MAX_TREE_DEPTH = 150
_FIRST_SLOT = 2
BUILT_IN = frozenset({*NAMESPACES, *FUNCTIONS, *VALUES})


class _Empty:
    """What a ``?.`` chain answers inside once it has run into nothing."""


_EMPTY = _Empty()


@dataclass(slots=True)
class Compiled:
    """``run`` evaluates; ``reads`` are the paths read from the scope and where they stand."""

    run: Run
    slots: int
    reads: dict[str, int]


@dataclass(slots=True)
class _Compiler:
    source: str
    reads: dict[str, int] = field(default_factory=dict)
    slots: int = _FIRST_SLOT
    params: list[dict[str, int]] = field(default_factory=list)
    depth: int = 0

    def compile(self, node: Node) -> Run:
        self.depth += 1
        if self.depth > MAX_TREE_DEPTH:
            raise fault(TOO_DEEP, node.at, limit=MAX_TREE_DEPTH)
        run: Run = getattr(self, f"_{type(node).__name__.lower()}")(node)
        self.depth -= 1
        return run

    # ------------------------------------------------------------------------------ values and names

    def _literal(self, node: Literal) -> Run:
        value = node.value
        return lambda env: value

    def _name(self, node: Name) -> Run:
        name, at = node.name, node.at
        if (slot := self._slot(name)) is not None:
            return lambda env: env[slot]
        if name in VALUES:
            value = VALUES[name]
            return lambda env: value
        if name in BUILT_IN:
            raise unsupported(f"“{name}” without a call", f"未调用的 “{name}”", at)
        self.reads.setdefault(name, at)
        return _read_root(name, at)

    def _slot(self, name: str) -> int | None:
        return next((known[name] for known in reversed(self.params) if name in known), None)

    def _text(self, node: Text) -> Run:
        parts = [self.compile(part) for part in node.parts]
        at = node.at

        def join(env: list[Any]) -> str:
            pieces = [to_text(part(env)) for part in parts]
            env[1].text(sum(map(len, pieces)), at)
            return "".join(pieces)

        return join

    # ------------------------------------------------------------------------------------- reading

    def _member(self, node: Member) -> Run:
        constant = self._namespace_constant(node)
        if constant is not None:
            return constant
        known_reads = dict(self.reads)
        base = self.compile(node.base)
        self._note_read(node, known_reads)
        shown, at = self._shown(node.base), node.at
        if isinstance(node.key, Literal) and isinstance(node.key.value, str):
            slot = self._slot(node.base.name) if isinstance(node.base, Name) else None
            if slot is not None:
                return _read_slot(slot, node.key.value, node.optional, shown, at)
            return _read_name(base, node.key.value, node.optional, shown, at)
        return _read_key(base, self.compile(node.key), node.optional, shown, at)

    def _namespace_constant(self, node: Member) -> Run | None:
        if not isinstance(node.base, Name) or node.base.name not in NAMESPACES or self._slot(node.base.name):
            return None
        space, key = node.base.name, node.key
        constants = CONSTANTS.get(space, {})
        if isinstance(key, Literal) and key.value in constants:
            value = constants[str(key.value)]
            return lambda env: value
        raise unsupported(f"“{self._shown(node)}” without a call", f"未调用的 “{self._shown(node)}”", node.at)

    def _note_read(self, node: Member, before: dict[str, int]) -> None:
        """Lengthen the path just read by this member's name, as long as it is written plainly."""
        path = static_path(node)
        base = static_path(node.base)
        if path is None or base is None or self._slot(base.split(".", 1)[0]) is not None:
            return
        if base not in before:
            self.reads.pop(base, None)
        self.reads.setdefault(path, node.at)

    def _chain(self, node: Chain) -> Run:
        body = self.compile(node.body)

        def whole(env: list[Any]) -> Value:
            value = body(env)
            return None if value is _EMPTY else value

        return whole

    def _shown(self, node: Node) -> str:
        return _cut(self.source[_first(node) : node.end])

    # ------------------------------------------------------------------------------------- calling

    def _call(self, node: Call) -> Run:
        if node.base is None:
            return self._function_call(node)
        if (
            isinstance(node.base, Name)
            and node.base.name in NAMESPACES
            and self._slot(node.base.name) is None
        ):
            table = NAMESPACES[node.base.name]
            return self._builtin_call(node, table, f"{node.base.name}.{node.name}")
        base = self.compile(node.base)
        args = self._args(node.args)
        name, at, optional, shown = node.name, node.at, node.optional, self._shown(node.base)
        by_type = {kind: table[name] for kind, table in BY_TYPE.items() if name in table}
        plain = PLAIN_TEXT.get(name) if not node.args else None

        def call(env: list[Any]) -> Value:
            value = base(env)
            if plain is not None and type(value) is str:
                return plain(value)
            method = by_type.get(type(value))
            if method is not None:
                return method(value, args(env), Use(env[1], at, name))
            if value is _EMPTY:
                return value
            if value is None:
                if optional:
                    return _EMPTY
                raise fault(NULL_ACCESS, at, base=shown, name=name)
            use = Use(env[1], at, name)
            return method_of(value, use)(value, args(env), use)

        return call

    def _function_call(self, node: Call) -> Run:
        if node.name in FUNCTIONS and self._slot(node.name) is None:
            return self._builtin_call(node, FUNCTIONS, node.name)
        facts = suggestion(node.name, [*FUNCTIONS, *NAMESPACES])
        raise fault(UNKNOWN_METHOD, node.at, kind="An expression", kind_zh="表达式", name=node.name, **facts)

    def _builtin_call(self, node: Call, table: Mapping[str, Builtin], shown: str) -> Run:
        name = node.name
        function = table.get(name)
        if function is None:
            space = shown.rpartition(".")[0]
            facts = suggestion(name, table)
            raise fault(UNKNOWN_METHOD, node.at, kind=f"“{space}”", kind_zh=f"“{space}” ", name=name, **facts)
        args = self._args(node.args)
        at = node.at

        def call(env: list[Any]) -> Value:
            return function(args(env), Use(env[1], at, shown))

        return call

    def _args(self, nodes: tuple[Node, ...]) -> Callable[[list[Any]], Sequence[Value]]:
        if all(isinstance(node, Literal) for node in nodes):
            constant = tuple(node.value for node in nodes if isinstance(node, Literal))
            return lambda env: constant
        if any(isinstance(node, Spread) for node in nodes):
            return self._spreading(nodes)
        runs = [self._argument(node) for node in nodes]
        if len(runs) == 1:
            only = runs[0]
            return lambda env: [only(env)]
        return lambda env: [run(env) for run in runs]

    def _argument(self, node: Node) -> Run:
        if isinstance(node, Arrow):
            return self._arrow(node)
        if isinstance(node, Name) and node.name in CALLBACKS and self._slot(node.name) is None:
            callback = CALLBACKS[node.name]
            return lambda env: callback
        return self.compile(node)

    def _arrow(self, node: Arrow) -> Run:
        slots = {name: self.slots + offset for offset, name in enumerate(node.params)}
        self.slots += len(slots)
        self.params.append(slots)
        body = self.compile(node.body)
        self.params.pop()
        first = _FIRST_SLOT if not slots else min(slots.values())
        count, at = len(slots), node.at
        cost = 1 + (node.end - node.at) // 16

        def make(env: list[Any]) -> Callback:
            budget: Budget = env[1]

            def one(value: Value, *_rest: Value) -> Value:
                budget.left = left = budget.left - cost
                if left < 0:
                    budget.spend(0, at)
                env[first] = value
                return body(env)

            def several(*values: Value) -> Value:
                budget.spend(cost, at)
                given = values[:count]
                env[first : first + count] = [*given, *([None] * (count - len(given)))]
                return body(env)

            return Callback(one if count == 1 else several)

        return make

    # ----------------------------------------------------------------------------------- operators

    def _unary(self, node: Unary) -> Run:
        value, at = self.compile(node.value), node.at
        if node.op == "!":
            return lambda env: not truthy(value(env))
        if node.op == "typeof":
            return lambda env: type_name(value(env))
        if node.op == "-":
            return lambda env: tidy(-to_number(value(env), "-", at))
        return lambda env: to_number(value(env), "+", at)

    def _binary(self, node: Binary) -> Run:
        left, right = self.compile(node.left), self.compile(node.right)
        op, at = node.op, node.left.end
        if op in ("&&", "||", "??"):
            return _short_circuit(op, left, right)
        if op == "+":
            return lambda env: add(left(env), right(env), env[1], at)
        if op == "in":
            return lambda env: contains_key(left(env), right(env), at)
        if op in ("===", "!==", "==", "!="):
            equal = strict_equal if len(op) == 3 else loose_equal
            if op[0] == "!":
                return lambda env: not equal(left(env), right(env))
            return lambda env: equal(left(env), right(env))
        work = COMPARISON.get(op) or ARITHMETIC[op]
        return lambda env: work(left(env), right(env), at)

    def _choice(self, node: Choice) -> Run:
        test, then, otherwise = self.compile(node.test), self.compile(node.then), self.compile(node.otherwise)
        return lambda env: then(env) if truthy(test(env)) else otherwise(env)

    # ------------------------------------------------------------------------------ lists and objects

    def _items(self, node: Items) -> Run:
        if any(isinstance(item, Spread) for item in node.items):
            return self._spreading(node.items)
        runs = [self.compile(item) for item in node.items]
        return lambda env: [leaving(run(env)) for run in runs]

    def _spreading(self, nodes: tuple[Node, ...]) -> Callable[[list[Any]], list[Value]]:
        runs = [
            (True, self.compile(node.value), node.at)
            if isinstance(node, Spread)
            else (False, self._argument(node), node.at)
            for node in nodes
        ]

        def build(env: list[Any]) -> list[Value]:
            result: list[Value] = []
            for spread, run, at in runs:
                value = run(env)
                if not spread:
                    result.append(leaving(value))
                elif isinstance(value, list | tuple | str):
                    env[1].spend(len(value), at)
                    result.extend(value)
                else:
                    raise wrong_kind("...", "array", value, at)
            return result

        return build

    def _fields(self, node: Fields) -> Run:
        runs = [
            (None if key is None else self.compile(key), self.compile(value), value.at)
            for key, value in node.fields
        ]

        def build(env: list[Any]) -> dict[str, Value]:
            result: dict[str, Value] = {}
            for key, run, at in runs:
                value = run(env)
                if key is not None:
                    result[to_text(key(env))] = leaving(value)
                elif isinstance(value, Mapping):
                    env[1].spend(len(value), at)
                    result.update(value)
                elif value is not None:
                    raise wrong_kind("...", "object", value, at)
            return result

        return build

    def _spread(self, node: Spread) -> Run:
        raise unsupported("“...” here", "此处的 “...”", node.at)


def compile_tree(node: Node, source: str) -> Compiled:
    """Closures for the tree. Raises ExpressionError."""
    compiler = _Compiler(source)
    run = compiler.compile(node)
    return Compiled(run, compiler.slots, compiler.reads)


def compile_path(path: str, at: int) -> Compiled:
    """``compile_tree`` for a plain path such as ``reader_1.rows.length`` at ``at``: most expressions are
    one, and without a tree they cost a fraction. The first name must not be one of ``BUILT_IN``."""
    root, *names = path.split(".")
    run = _read_path(root, names, at) if names else _read_root(root, at)
    return Compiled(run, _FIRST_SLOT, {path: at})


def static_path(node: Node) -> str | None:
    """``a.b.c`` for a chain of plain names, else None."""
    if isinstance(node, Chain):
        return static_path(node.body)
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Member) and isinstance(node.key, Literal) and isinstance(node.key.value, str):
        base = static_path(node.base)
        return None if base is None or not node.key.value.isidentifier() else f"{base}.{node.key.value}"
    return None


def unknown_name(name: str, scope: Mapping[str, Any], at: int) -> ExpressionError:
    return fault(UNKNOWN_NAME, at, name=name, **suggestion(name, scope))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"


def _first(node: Node) -> int:
    """Where the source of a node begins; a call's own ``at`` is that of its name."""
    while isinstance(node, Call) and node.base is not None:
        node = node.base
    return node.at


def _short_circuit(op: str, left: Run, right: Run) -> Run:
    def either(env: list[Any]) -> Value:
        value = left(env)
        return value if truthy(value) else right(env)

    def both(env: list[Any]) -> Value:
        value = left(env)
        return right(env) if truthy(value) else value

    def default(env: list[Any]) -> Value:
        value = left(env)
        return right(env) if value is None else value

    return {"||": either, "&&": both, "??": default}[op]


def _read_root(name: str, at: int) -> Run:
    def look_up(env: list[Any]) -> Value:
        try:
            return env[0][name]
        except KeyError:
            raise unknown_name(name, env[0], at) from None

    return look_up


def _read_path(root: str, names: list[str], at: int) -> Run:
    """``_read_root`` and a ``_read_name`` for each name, in one piece."""

    def follow(env: list[Any]) -> Value:
        try:
            value = env[0][root]
        except KeyError:
            raise unknown_name(root, env[0], at) from None
        for step, name in enumerate(names):
            if type(value) is dict:
                value = value.get(name)
            elif value is None:
                raise fault(NULL_ACCESS, at, base=_cut(".".join((root, *names[:step]))), name=name)
            else:
                value = read(value, name)
        return value

    return follow


def _read_name(base: Run, name: str, optional: bool, shown: str, at: int) -> Run:
    def get(env: list[Any]) -> Value:
        value = base(env)
        if type(value) is dict:
            return value.get(name)
        if value is None:
            if optional:
                return _EMPTY
            raise fault(NULL_ACCESS, at, base=shown, name=name)
        return value if value is _EMPTY else read(value, name)

    return get


def _read_slot(slot: int, name: str, optional: bool, shown: str, at: int) -> Run:
    """``_read_name`` for a parameter: the commonest step inside functions over lists."""
    rest = _read_name(lambda env: env[slot], name, optional, shown, at)

    def get(env: list[Any]) -> Value:
        value = env[slot]
        return value.get(name) if type(value) is dict else rest(env)

    return get


def _read_key(base: Run, key: Run, optional: bool, shown: str, at: int) -> Run:
    def get(env: list[Any]) -> Value:
        value = base(env)
        if value is _EMPTY:
            return value
        if value is None:
            if optional:
                return _EMPTY
            raise fault(NULL_ACCESS, at, base=shown, name=to_text(key(env)))
        return read(value, key(env))

    return get
