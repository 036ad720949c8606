"""Nothing a person writes becomes Python: no module of ours calls ``exec`` or ``eval`` or reads pickles."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BANNED_CALLS = {"exec", "eval"}
BANNED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"}


def offences(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS:
            found.append(f"{node.func.id} in line {node.lineno}")
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
        found += [f"import of {name}" for name in names if name.split(".")[0] in BANNED_MODULES]
    return found


def test_no_module_generates_code_or_reads_pickles() -> None:
    modules = [path for root in ("apps", "studio_project") for path in (ROOT / root).rglob("*.py")]
    assert modules
    wrong = {str(path.relative_to(ROOT)): offences(path.read_text(encoding="utf-8")) for path in modules}
    assert not {path: found for path, found in wrong.items() if found}


def test_planted_offences_are_found() -> None:
    assert len(offences("import pickle\nexec('1')\nx = eval('2')\nfrom dill import loads")) == 4
