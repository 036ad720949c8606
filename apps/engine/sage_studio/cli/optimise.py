"""``sage-studio optimise``: what the optimiser does to a flow, why that is safe, and what it saves."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sage_studio.cli import exit_codes
from sage_studio.cli.sources import UnreadableError, read_flow
from sage_studio.cli.terminal import coloured, language, say, say_error
from sage_studio.engine import compile_flow
from sage_studio.engine.optimise import Durations, Report, optimise, report_of
from sage_studio.engine.optimise.forecast import Choice, least_parallel
from sage_studio.kernel import SageError, Text
from sage_studio.plugins.manager.installed import local_registry

_OFF = Text(
    en="{path}: runs in the order it is drawn (settings.optimise is off).",
    zh="{path}：按所画的顺序运行（settings.optimise 为 off）。",
)
_TIMES = Text(
    en="{path}: {drawn} as drawn, {optimised} optimised ({saved} saved, {share:.0%}); {serial} one by one.",
    zh="{path}：按所画顺序 {drawn}，优化后 {optimised}（节省 {saved}，{share:.0%}）；逐个运行 {serial}。",
)
_PATH = Text(en="Critical path: {nodes}", zh="关键路径：{nodes}")
_LEVEL = Text(en="  {number}. at once: {nodes}", zh="  {number}. 同时运行：{nodes}")
_NOTHING = Text(en="Nothing to change.", zh="无需改动。")
_KEPT = Text(en="Stays as drawn: {source} → {target}. {why}", zh="保持原样：{source} → {target}。{why}")
_SAVES = {
    "time": Text(en=" Saves about {time}.", zh=" 约节省 {time}。"),
    "work": Text(en=" Saves about {time} of work.", zh=" 约节省 {time} 的计算。"),
}
_ENOUGH = Text(
    en="Within {budget}: {at_once} nodes at once are enough (about {time}).",
    zh="在 {budget} 内完成：同时运行 {at_once} 个节点即可（约 {time}）。",
)
_NOT_ENOUGH = Text(
    en="Within {budget}: not possible, even all at once takes about {time}.",
    zh="无法在 {budget} 内完成：即使全部同时运行也约需 {time}。",
)
_GUESS = Text(
    en="Times are guesses by node type; give --durations to plan with measured ones.",
    zh="时间按节点类型估计；可用 --durations 提供实测值。",
)


def command(arguments: Sequence[str]) -> int:
    """Say what the optimiser does to flows, why it is safe, and what it is expected to save."""
    parser = argparse.ArgumentParser(prog="sage-studio optimise", description=command.__doc__)
    parser.add_argument("flows", nargs="+", metavar="flow", help="flow files; - for standard input")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, one line per file")
    parser.add_argument(
        "--durations", metavar="FILE", help='milliseconds by node id, as JSON: {"llm_1": 2400, …}'
    )
    parser.add_argument(
        "--within", type=float, metavar="SECONDS", help="how many nodes at once a time budget asks for"
    )
    chosen = parser.parse_args(arguments)
    try:
        durations = _durations(chosen.durations)
    except (OSError, ValueError) as error:
        print(f"{chosen.durations}: {error}", file=sys.stderr)
        return exit_codes.UNREADABLE
    codes = [_explain(path, durations, chosen) for path in chosen.flows]
    return max(codes)


def _durations(path: str | None) -> Durations:
    if path is None:
        return Durations()
    given = json.loads(Path(path).read_text(encoding="utf-8"))
    return Durations({str(node): (float(ms), 1) for node, ms in dict(given).items()})


def _explain(path: str, durations: Durations, chosen: argparse.Namespace) -> int:
    try:
        document = read_flow(path)
        changes = optimise(compile_flow(document, local_registry(), optimised=False), durations)
    except SageError as error:
        print(f"{path}:", file=sys.stderr)
        say_error(error)
        return exit_codes.UNREADABLE if isinstance(error, UnreadableError) else exit_codes.INVALID
    report = report_of(changes)
    choice = None if chosen.within is None else least_parallel(changes, chosen.within * 1000)
    if chosen.json:
        print(json.dumps({"file": path, **report}, ensure_ascii=False))
        return exit_codes.OK
    _print(path, report)
    if choice is not None:
        _print_choice(choice, chosen.within)
    if all(node["source"] != "learned" for node in report["nodes"]):
        print(coloured(_GUESS[language()], "grey", sys.stdout))
    return exit_codes.OK


def _print(path: str, report: Report) -> None:
    tongue = language()
    if not report["is_on"]:
        say(_OFF, path=path)
        return
    times = report["predicted"]
    say(
        _TIMES,
        path=path,
        drawn=_time(times["drawn_ms"]),
        optimised=_time(times["optimised_ms"]),
        saved=_time(times["saved_ms"]),
        share=times["saved_share"],
        serial=_time(times["serial_ms"]),
    )
    say(_PATH, nodes=" → ".join(report["critical_path"]))
    for number, row in enumerate(report["levels"], 1):
        if len(row) > 1:
            say(_LEVEL, number=number, nodes=", ".join(row))
    for change in report["changes"]:
        saves = change["saves_ms"]
        saved = _SAVES[change["saves"]][tongue].format(time=_time(saves)) if saves else ""
        print(f"{coloured('✓', 'bold', sys.stdout)} {change['what'][tongue]}{saved}")
        print(coloured(f"    {change['why'][tongue]}", "grey", sys.stdout))
    for kept in report["kept"]:
        say(_KEPT, source=kept["source"], target=kept["target"], why=kept["why"][tongue])
    if not report["changes"]:
        say(_NOTHING)


def _print_choice(choice: Choice, within_s: float) -> None:
    say(
        _ENOUGH if choice.is_enough else _NOT_ENOUGH,
        budget=_time(within_s * 1000),
        time=_time(choice.expected_ms),
        at_once=choice.at_once,
    )


def _time(ms: float) -> str:
    return f"{ms:.3g} ms" if ms < 1000 else f"{ms / 1000:.3g} s"
