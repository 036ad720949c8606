"""``python -m tests.expressions.n8n FOLDER``: how many expressions of real n8n workflows our language runs.

Every ``{{ }}`` of the workflow files in a folder is written in our names (``$json`` is ``item``,
``$('Name')`` a node), compiled, and evaluated on made-up values that have the fields it reads; what our
evaluator answers is compared with JavaScript in the sandbox. Made-up values are texts first and, where that
fails, numbers, lists and JSON: an expression counts as evaluated when one of them goes through.
Nothing of the folder is kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sage_studio.engine.handing_over import ExpressionSandbox, settled_value
from sage_studio.expressions import ExpressionError
from sage_studio.expressions.handing import HandedOver, compile_handing_over, scripts_in
from sage_studio.expressions.programs import Script, given_to, program_of
from sage_studio.kernel import Json, SageError
from sage_studio.sandbox import close_code_runner

_NAMES: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"\$\(\s*(['\"])(.*?)\1\s*\)\.all\(\)"), "nodes.items"),
    (
        re.compile(r"\$\(\s*(['\"]).*?\1\s*\)(?:\.(?:item|first\(\)|last\(\)|itemMatching\(\d+\)))?"),
        "nodes.one",
    ),
    (re.compile(r"\$node(?:\[(['\"]).*?\1\]|\.\w+)"), "nodes.one"),
    (re.compile(r"\$input\.all\(\)"), "nodes.items"),
    (re.compile(r"\$input(?:\.(?:item|first\(\)|last\(\)))?"), "nodes.one"),
    (re.compile(r"\$now\b"), "DateTime.now()"),
    (re.compile(r"\$today\b"), "DateTime.now().startOf('day')"),
    (re.compile(r"\$ifEmpty\("), "ifEmpty("),
    (re.compile(r"\$json\b"), "item"),
    (re.compile(r"\$itemIndex\b"), "index"),
    (re.compile(r"\$(?:vars|env)\b"), "vars"),
    (re.compile(r"\$workflow\b"), "flow"),
    (re.compile(r"\$execution\b"), "run"),
)  # fmt: skip
_EXPRESSION = re.compile(r"\{\{([\s\S]*?)\}\}")
_STEP = re.compile(r"(?:\??\.)([A-Za-z_$][\w$]*)(\s*\()?|(?:\?\.)?\[(\d+|'[^']*'|\"[^\"]*\")\]")
_ROOT = re.compile(r"(?<![\w$.])(item|nodes|vars|flow|run)(?![\w$])")
_SAMPLES: Sequence[Json] = ("2026-03-01T10:00:00Z", 7, [{"text": "a", "name": "b", "value": 2}], '{"a": [1]}')


@dataclass(slots=True)
class Tally:
    """What became of the expressions; ``failures`` and ``differences`` are counted by what was wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    differences: list[tuple[str, Any, Any]] = field(default_factory=list)


def expressions_in(value: Json) -> Iterator[str]:
    """What stands between braces in the texts that n8n takes for expressions."""
    if isinstance(value, str):
        if value.startswith("="):
            yield from (match[1] for match in _EXPRESSION.finditer(value))
    elif isinstance(value, dict):
        for part in value.values():
            yield from expressions_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from expressions_in(part)


def in_our_names(expression: str) -> str:
    """The expression as an import would write it."""
    for pattern, name in _NAMES:
        expression = pattern.sub(name, expression)
    return expression.strip()


def scope_for(expression: str, sample: Json) -> dict[str, Any]:
    """Values with every field the expression reads; ``sample`` stands at the ends."""
    scope: dict[str, Any] = {"index": 0, "inputs": {}}
    for root in _ROOT.finditer(expression):
        steps: list[str | int] = [root[1]]
        at = root.end()
        while match := _STEP.match(expression, at):
            at = match.end()
            if match[2]:
                break  # a function of the value
            steps.append(
                int(match[3]) if match[3] and match[3].isdigit() else (match[1] or match[3].strip("'\""))
            )
        if steps[-1] == "length":
            steps.pop()
        if steps[:2] == ["nodes", "items"]:
            steps[2:] = []
        _put(
            scope, steps, [{"json": {"text": "a", "name": "b"}}] if steps[-1] == "items" else deepcopy(sample)
        )
    return scope


def _put(holder: Any, steps: Sequence[str | int], value: Json) -> None:
    for number, step in enumerate(steps):
        is_last = number + 1 == len(steps)
        following: Any = value if is_last else [] if isinstance(steps[number + 1], int) else {}
        if isinstance(holder, list):
            while len(holder) <= (step if isinstance(step, int) else 0):
                holder.append(following)
            holder = holder[step if isinstance(step, int) else 0]
        elif isinstance(holder, dict):
            known = holder.get(str(step))
            if known is None or (not is_last and not isinstance(known, dict | list)):
                holder[str(step)] = following
            holder = holder[str(step)]


async def look_at(expression: str, tally: Tally) -> None:
    tally.counts["all"] += 1
    text = f"{{{{ {in_our_names(expression)} }}}}"
    try:
        template = compile_handing_over(text)
    except ExpressionError as error:
        tally.failures[f"does not parse: {error.message()}"] += 1
        return
    way = "by hand-over" if isinstance(template, HandedOver) else "by our evaluator"
    tally.counts["parse"] += 1
    tally.counts[f"parse, {way}"] += 1
    problem = ""
    for sample in _SAMPLES:
        scope = scope_for(text, sample)
        try:
            found = await settled_value(template.evaluate(scope), text)
        except SageError as error:
            problem = problem or f"{error.code.code}: {error.message()}"
            continue
        tally.counts[f"evaluated {way}"] += 1
        if not isinstance(template, HandedOver):
            await _compare(text, scope, found, tally)
        return
    tally.failures[problem] += 1


async def _compare(text: str, scope: Mapping[str, Any], ours: Any, tally: Tally) -> None:
    """Hold our result against JavaScript's, where it can say one and time does not matter."""
    if "DateTime.now()" in text or "Date.now" in text or "Math.random" in text:
        return
    scripts = [part for part in scripts_in(text) if isinstance(part, Script)]
    try:
        theirs = (await ExpressionSandbox().run(program_of(scripts), given_to(scripts, scope)))[0]
    except SageError as error:
        tally.counts["JavaScript fails where we answer"] += 1
        tally.differences.append((text, ours, error.message()))
        return
    tally.counts["compared with JavaScript"] += 1
    if json.dumps(ours, sort_keys=True) != json.dumps(theirs, sort_keys=True):
        tally.differences.append((text, ours, theirs))


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


async def measure(paths: Sequence[Path]) -> Tally:
    """Go through workflow files; what is no JSON is passed by."""
    tally = Tally()
    try:
        for text in map(_text_of, paths):
            try:
                workflow = json.loads(text)
            except ValueError:
                continue
            for expression in expressions_in(workflow):
                await look_at(expression, tally)
    finally:
        close_code_runner()
    return tally


def shown(tally: Tally) -> str:
    total = tally.counts["all"] or 1
    lines = [f"{count:6}  {count / total:6.1%}  {what}" for what, count in tally.counts.items()]
    lines += ["", "Failing, most frequent first:"]
    lines += [f"{count:6}  {what}" for what, count in tally.failures.most_common(20)]
    lines += ["", f"Results that differ from JavaScript's: {len(tally.differences)}"]
    lines += [
        f"  {text}\n    ours {ours!r}\n    JavaScript {theirs!r}"
        for text, ours, theirs in tally.differences[:20]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.expressions.n8n", description=__doc__)
    parser.add_argument("folder", type=Path, help="n8n workflow files, at any depth")
    sys.stdout.write(shown(asyncio.run(measure(sorted(parser.parse_args().folder.rglob("*.json"))))) + "\n")
