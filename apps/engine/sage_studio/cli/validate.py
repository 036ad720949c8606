"""``sage-studio validate``: every fault of one or more flow files, for people and for CI."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from sage_studio.cli import exit_codes
from sage_studio.cli.sources import UnreadableError, read_flow
from sage_studio.cli.terminal import coloured, language, say_error
from sage_studio.flow import Issue, has_errors, validate
from sage_studio.kernel import Json, JsonObject, SageError, Text
from sage_studio.plugins.manager.installed import local_registry

_FINE = Text(
    en="{path}: fine ({nodes} nodes, {edges} connections)",
    zh="{path}：没有问题（{nodes} 个节点，{edges} 条连线）",
)
_WORDS: dict[str, tuple[Text, str]] = {
    "error": (Text(en="error", zh="错误"), "red"),
    "warning": (Text(en="warning", zh="警告"), "yellow"),
}


def command(arguments: Sequence[str]) -> int:
    """Check flows and name every fault."""
    parser = argparse.ArgumentParser(prog="sage-studio validate", description=command.__doc__)
    parser.add_argument(
        "flows", nargs="+", metavar="flow", help="flow files (JSON or YAML); - for standard input"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per file")
    parser.add_argument("--strict", action="store_true", help="count warnings as failures")
    chosen = parser.parse_args(arguments)
    codes = [_check(path, as_json=chosen.json, strict=chosen.strict) for path in chosen.flows]
    return max(codes)


def _check(path: str, *, as_json: bool, strict: bool) -> int:
    try:
        document = read_flow(path)
    except SageError as error:
        _print_unparsed(path, error, as_json=as_json)
        return exit_codes.UNREADABLE if isinstance(error, UnreadableError) else exit_codes.INVALID
    issues = validate(document, local_registry())
    if as_json:
        _print_json(path, [issue.dump() for issue in issues], valid=not has_errors(issues))
    else:
        print_issues(path, issues)
        if not issues:
            facts = {"path": path, "nodes": len(document.nodes), "edges": len(document.edges)}
            print(_FINE[language()].format(**facts))
    if has_errors(issues):
        return exit_codes.INVALID
    return exit_codes.FAILED if strict and issues else exit_codes.OK


def print_issues(path: str, issues: Sequence[Issue]) -> None:
    """One issue per line with its place, then what to do."""
    tongue = language()
    for issue in issues:
        word, colour = _WORDS[issue.severity]
        place = f"{path}: {issue.path}" if issue.path else path
        kind = coloured(word[tongue], colour, sys.stderr)
        print(f"{place}: {kind}: {issue.message[tongue]} [{issue.code}]", file=sys.stderr)
        if issue.hint[tongue]:
            print(f"    → {issue.hint[tongue]}", file=sys.stderr)


def _print_unparsed(path: str, error: SageError, *, as_json: bool) -> None:
    if not as_json:
        print(f"{path}:", file=sys.stderr)
        say_error(error)
        return
    _print_json(path, [_as_issue(item) for item in (error.errors or [error])], valid=False)


def _as_issue(error: SageError) -> JsonObject:
    return {
        "code": error.code.code,
        "number": error.code.number,
        "severity": "error",
        "path": error.path,
        "message": {"en": error.message("en"), "zh": error.message("zh")},
        "hint": {"en": error.hint("en"), "zh": error.hint("zh")},
    }


def _print_json(path: str, issues: Sequence[Json], *, valid: bool) -> None:
    print(json.dumps({"file": path, "valid": valid, "issues": issues}, ensure_ascii=False))
