"""The optimiser's report: what was changed, why it is safe, what it is expected to save and did save.

A plain JSON shape (``sage-studio/optimisation@1``) with every sentence in both languages, made for the
editor, the command line and the API alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from typing_extensions import TypedDict

from sage_studio.engine.optimise.forecast import saved_by, times_of
from sage_studio.engine.optimise.passes import LevelChanges
from sage_studio.engine.optimise.timing import chains, critical_path, levels
from sage_studio.kernel import JsonObject, Text

_MOST_SIMULATED = 2_000
SCHEMA: Literal["sage-studio/optimisation@1"] = "sage-studio/optimisation@1"
Kind = Literal["relaxed", "shared", "hoisted", "fused", "streamed", "unread"]


class ReportEdge(TypedDict):
    """A connection, by its four ends."""

    source: str
    source_port: str
    target: str
    target_port: str


class ReportChange(TypedDict):
    """One change. ``container`` is the container in whose body it was made, or null at the top level;
    ``saves_ms`` is null where nothing can be said; it is ``time`` the run ends earlier, or ``work`` that
    need not be done (which may have been done beside other work)."""

    kind: Kind
    container: str | None
    nodes: list[str]
    edges: list[ReportEdge]
    what: Text
    why: Text
    saves_ms: float | None
    saves: Literal["time", "work"]


class ReportKept(TypedDict):
    """A connection that carries only an order and stays all the same."""

    source: str
    target: str
    why: Text


class ReportNode(TypedDict):
    """What a node is expected to take: ``source`` is learned, type or category; ``runs`` behind it."""

    id: str
    container: str | None
    expected_ms: float
    source: str
    runs: int


class ReportTimes(TypedDict):
    """Milliseconds one after the other, in drawn order, optimised; what that saves of the drawn."""

    serial_ms: float
    drawn_ms: float
    optimised_ms: float
    saved_ms: float
    saved_share: float


class ReportMeasured(TypedDict):
    """Medians of completed runs of this very flow, optimised and (where there are some) as drawn."""

    runs: int
    median_ms: float
    drawn_runs: int
    drawn_median_ms: float | None
    off_by_share: float | None


class Report(TypedDict):
    """``levels`` are the groups of top-level nodes that may run at once."""

    schema: Literal["sage-studio/optimisation@1"]
    is_on: bool
    changes: list[ReportChange]
    kept: list[ReportKept]
    levels: list[list[str]]
    critical_path: list[str]
    nodes: list[ReportNode]
    predicted: ReportTimes
    measured: ReportMeasured | None
    branches: JsonObject | None


def report_of(
    top: LevelChanges,
    *,
    measured: ReportMeasured | None = None,
    branches: JsonObject | None = None,
) -> Report:
    """The report of an optimised flow. ``branches`` is what predicting branches has brought
    (``prediction.Scorecard.to_json``)."""
    plan, nodes = top.plan, top.plan.nodes
    times = times_of(top, plan.document.settings.concurrency)
    saved = max(times.drawn_ms - times.optimised_ms, 0.0)
    return Report(
        schema=SCHEMA,
        is_on=plan.hints is not None,
        changes=[change for level in top.whole() for change in _changes(level)],
        kept=[kept for level in top.whole() for kept in _kept(level)],
        levels=[[nodes[slot].id for slot in row] for row in levels(nodes, plan.order)],
        critical_path=[nodes[slot].id for slot in critical_path(nodes, top.hints.rank)],
        nodes=[node for level in top.whole() for node in _nodes(level)],
        predicted=ReportTimes(
            serial_ms=round(times.serial_ms, 1),
            drawn_ms=round(times.drawn_ms, 1),
            optimised_ms=round(times.optimised_ms, 1),
            saved_ms=round(saved, 1),
            saved_share=round(saved / times.drawn_ms, 4) if times.drawn_ms else 0.0,
        ),
        measured=measured,
        branches=branches,
    )


def measured_times(
    optimised_ms: Sequence[float], drawn_ms: Sequence[float], predicted_ms: float
) -> ReportMeasured | None:
    """Durations of runs as the report shows them; None without an optimised run."""
    if not optimised_ms:
        return None
    middle = _median(optimised_ms)
    return ReportMeasured(
        runs=len(optimised_ms),
        median_ms=round(middle, 1),
        drawn_runs=len(drawn_ms),
        drawn_median_ms=round(_median(drawn_ms), 1) if drawn_ms else None,
        off_by_share=round(predicted_ms / middle - 1, 4) if middle else None,
    )


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _changes(level: LevelChanges) -> Iterator[ReportChange]:
    yield from _relaxed(level)
    yield from _shared(level)
    yield from _hoisted(level)
    yield from _fused(level)
    yield from _streamed(level)
    yield from _unread(level)


def _change(
    level: LevelChanges, kind: Kind, slots: Sequence[int], *, what: Text, why: Text, saves_ms: float | None
) -> ReportChange:
    ids = [level.plan.nodes[slot].id for slot in slots]
    return ReportChange(
        kind=kind,
        container=level.plan.container,
        nodes=ids,
        edges=[],
        what=_filled(what, nodes=_named(level, slots), count=len(ids)),
        why=why,
        saves_ms=None if saves_ms is None else round(saves_ms, 1),
        saves="time" if kind == "relaxed" else "work",
    )


def _filled(text: Text, **facts: object) -> Text:
    return Text(en=text["en"].format(**facts), zh=text["zh"].format(**facts))


def _named(level: LevelChanges, slots: Sequence[int], most: int = 6) -> str:
    names = [level.plan.nodes[slot].name or level.plan.nodes[slot].id for slot in slots]
    return " → ".join(names if len(names) <= most else [*names[: most - 1], "…", names[-1]])


_RELAXED = Text(
    en="{nodes}: no longer wait for each other, and run at once.",
    zh="{nodes}：不再互相等待，可以同时运行。",
)
_RELAXED_WHY = Text(
    en="The value on this connection is never read, both nodes have no effects outside the flow, and the "
    "first always completes when the run does; nodes with effects keep their place.",
    zh="这条连线上的值从未被读取，两端节点都没有流程外的效果，且前一节点在运行完成时必然完成；有效果的节点保持原有顺序。",
)
_SHARED = Text(
    en="{nodes}: the same work, computed once.",
    zh="{nodes}：工作相同，只计算一次。",
)
_SHARED_WHY = Text(
    en="Same type, version, settings and inputs, and the outputs depend on nothing else; each is still "
    "recorded.",
    zh="类型、版本、配置与输入均相同，且输出不依赖其他因素；每个节点仍有各自的记录。",
)
_HOISTED = Text(
    en="{nodes}: computed in the first turn only.",
    zh="{nodes}：只在首次循环中计算。",
)
_HOISTED_WHY = Text(
    en="Nothing these nodes read changes between turns, and their outputs depend on nothing else. A loop "
    "without turns still does not run them.",
    zh="这些节点读取的内容在各次循环中不变，输出也不依赖其他因素；循环零次时它们仍不会运行。",
)
_FUSED = Text(
    en="{count} nodes run as one unit: {nodes}.",
    zh="{count} 个节点作为一个整体运行：{nodes}。",
)
_FUSED_WHY = Text(
    en="Each waits only for the one before, has no effects and is recorded as before; a crash repeats at "
    "most what had no effects.",
    zh="每个节点只等待前一个，没有流程外的效果，记录方式不变；崩溃后最多重复没有效果的部分。",
)
_STREAMED = Text(
    en="{count} nodes work at the same time on streams, items passing from one to the next: {nodes}.",
    zh="{count} 个节点同时处理数据流，数据项依次传递：{nodes}。",
)
_STREAMED_WHY = Text(
    en="They start together once everything any of them needs from elsewhere is there, and hold places and "
    "resources together; so they stay in drawn order, and none of them is shared, moved or left out alone.",
    zh="当任一节点所需的外部数据都到齐后一起启动，并共同占用并发名额与资源；因此保持绘制顺序，其中任何节点都不会被单独共享、移动或省略。",
)
_UNREAD = Text(
    en="{nodes}: nothing reads what this gives; it runs because people look at outputs.",
    zh="{nodes}：没有任何内容读取它的输出；因为有人会查看输出，所以仍会运行。",
)
_UNREAD_SKIPPED = Text(
    en="{nodes}: nothing reads what this gives, so it is skipped, as the flow says.",
    zh="{nodes}：没有任何内容读取它的输出，按流程设置予以跳过。",
)
_UNREAD_WHY = Text(
    en="It has no effects, and neither another node nor an output of the flow reads it.",
    zh="它没有流程外的效果，其他节点和流程输出都不读取它。",
)


def _relaxed(level: LevelChanges) -> Iterator[ReportChange]:
    nodes = level.plan.nodes
    for slot, gone in level.relaxed.gone.items():
        for wired in gone:
            sources = [source for source, _ in wired.sources]
            pairs = [(source, slot) for source in sources]
            change = _change(
                level,
                "relaxed",
                [*sources, slot],
                what=_RELAXED,
                why=_RELAXED_WHY,
                saves_ms=saved_by(level, pairs) if len(nodes) <= _MOST_SIMULATED else None,
            )
            change["edges"] = [
                ReportEdge(
                    source=nodes[source].id, source_port=port, target=nodes[slot].id, target_port=wired.port
                )
                for source, port in wired.sources
            ]
            yield change


def _shared(level: LevelChanges) -> Iterator[ReportChange]:
    groups: dict[int, list[int]] = {}
    for twin, leader in level.hints.twin_of.items():
        groups.setdefault(leader, []).append(twin)
    for leader, others in groups.items():
        saves_ms = level.expected[leader].ms * len(others)
        yield _change(level, "shared", [leader, *others], what=_SHARED, why=_SHARED_WHY, saves_ms=saves_ms)


def _hoisted(level: LevelChanges) -> Iterator[ReportChange]:
    slots = [slot for slot in level.plan.order if slot in level.hints.invariant]
    if slots:
        yield _change(level, "hoisted", slots, what=_HOISTED, why=_HOISTED_WHY, saves_ms=None)


def _fused(level: LevelChanges) -> Iterator[ReportChange]:
    plan = level.plan
    for chain in chains(plan.nodes, plan.order, level.hints.cheap) if plan.hints else ():
        yield _change(level, "fused", chain, what=_FUSED, why=_FUSED_WHY, saves_ms=None)


def _streamed(level: LevelChanges) -> Iterator[ReportChange]:
    for node in level.plan.nodes:
        if node.pipeline is not None and len(node.pipeline.members) > 1:
            slots = [member.node.index for member in node.pipeline.members]
            yield _change(level, "streamed", slots, what=_STREAMED, why=_STREAMED_WHY, saves_ms=None)


def _unread(level: LevelChanges) -> Iterator[ReportChange]:
    skipped = bool(level.hints.unread)
    for slot in level.unread:
        yield _change(
            level,
            "unread",
            [slot],
            what=_UNREAD_SKIPPED if skipped else _UNREAD,
            why=_UNREAD_WHY,
            saves_ms=level.expected[slot].ms if skipped else None,
        )


def _kept(level: LevelChanges) -> Iterator[ReportKept]:
    for source, target, why, node_id in level.relaxed.kept:
        nodes = level.plan.nodes
        name = next((node.name for node in nodes if node.id == node_id), "") or node_id
        yield ReportKept(source=nodes[source].id, target=nodes[target].id, why=_filled(why, node=name))


def _nodes(level: LevelChanges) -> Iterator[ReportNode]:
    for node, expected in zip(level.plan.nodes, level.expected, strict=True):
        yield ReportNode(
            id=node.id,
            container=level.plan.container,
            expected_ms=round(expected.ms, 3),
            source=expected.source,
            runs=expected.runs,
        )
