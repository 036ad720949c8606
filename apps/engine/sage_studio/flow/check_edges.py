"""Checks of connections: both ends there, ports that exist and fit, one edge per port, no circles."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from sage_studio.flow.document import FlowDocument, FlowEdge, FlowNode
from sage_studio.flow.graph import Graph
from sage_studio.flow.issues import Issue, Place, closest, issue
from sage_studio.flow.node_types import NodeTypes
from sage_studio.flow.operations import RemoveEdge
from sage_studio.flow.spec import NodeSpec, Port
from sage_studio.flow.types import is_assignable, parse_type
from sage_studio.kernel import SageError, define_error

ERROR_PORT = "error"
OUTWARD = define_error(
    "edge.leaves_container", 2307, status=422,
    en="A connection leads from inside “{container}” to “{node}” outside of it.",
    zh="有一条连线从容器 “{container}” 内部通向外部的 “{node}”。",
    hint_en="Connect it to the result of “{container}”, and “{container}” to “{node}”.",
    hint_zh="请先连接到 “{container}” 的结果端口，再由 “{container}” 连接到 “{node}”。",
)  # fmt: skip

TO_NOTHING = define_error(
    "edge.to_nothing", 2301, status=422,
    en="A connection leads {direction} “{node}”, which is not in the flow.",
    zh="有一条连线{direction_zh} “{node}”，但流程中没有该节点。",
    hint_en="Remove the connection, or add the node.", hint_zh="请删除该连线，或添加该节点。",
)  # fmt: skip
UNKNOWN_PORT = define_error(
    "edge.unknown_port", 2302, status=422,
    en="“{node}” has no {side} “{port}”.{suggestion}", zh="“{node}” 没有{side_zh} “{port}”。{suggestion_zh}",
    hint_en="Its {side}s are: {known}.", hint_zh="可用的{side_zh}：{known}。",
)  # fmt: skip
WRONG_TYPE = define_error(
    "edge.wrong_type", 2303, status=422,
    en="“{source}.{source_port}” gives {given}, but “{target}.{target_port}” takes {taken}.",
    zh="“{source}.{source_port}” 输出 {given}，而 “{target}.{target_port}” 需要 {taken}。",
    hint_en="Put a node between them that converts, or read the part you need with an expression.",
    hint_zh="请在两者之间加入转换节点，或用表达式读取所需部分。",
)  # fmt: skip
SECOND_EDGE = define_error(
    "edge.second_on_port", 2304, status=422,
    en="“{target}.{target_port}” takes one connection; there are {count}.",
    zh="“{target}.{target_port}” 只接受一条连线，现有 {count} 条。",
    hint_en="Remove the others, or join them with a merge node.",
    hint_zh="请删除多余的连线，或先用合并节点汇合。",
)  # fmt: skip
DUPLICATE = define_error(
    "edge.duplicate", 2305, status=422,
    en="The connection {edge} is listed twice.", zh="连线 {edge} 重复出现。",
    hint_en="Keep one of them.", hint_zh="请保留其中一条。",
)  # fmt: skip
CYCLE = define_error(
    "edge.in_cycle", 2306, status=422,
    en="These nodes wait for each other: {nodes}.", zh="这些节点互相等待：{nodes}。",
    hint_en="Remove one of the connections; to repeat steps, use a loop container.",
    hint_zh="请删除其中一条连线；如需重复执行，请使用循环容器。",
)  # fmt: skip


def check_edges(document: FlowDocument, graph: Graph, types: NodeTypes) -> Iterator[Issue]:
    """Every issue of the flow's connections."""
    seen: set[str] = set()
    for index, edge in enumerate(document.edges):
        if edge.id not in seen and _is_sound(edge, graph, types):
            seen.add(edge.id)
            continue
        place = Place(f"edges[{index}]", edge_id=edge.id)
        if edge.id in seen:
            yield issue(DUPLICATE, place, edge=edge.id)
            continue
        seen.add(edge.id)
        yield from _ends(edge, graph, place)
        if edge.source in graph.nodes and edge.target in graph.nodes:
            yield from _ports(edge, graph, types, place)
    yield from _crowded_ports(document, graph, types)
    yield from _cycles(document, graph)


def _ends(edge: FlowEdge, graph: Graph, place: Place) -> Iterator[Issue]:
    ends = ((edge.source, "out of", "来自", "source"), (edge.target, "to", "指向", "target"))
    for node, direction, direction_zh, name in ends:
        if node not in graph.nodes:
            yield issue(
                TO_NOTHING, place.below(name), fix=[RemoveEdge(id=edge.id)],
                node=node[:80], direction=direction, direction_zh=direction_zh,
            )  # fmt: skip


def _ports(edge: FlowEdge, graph: Graph, types: NodeTypes, place: Place) -> Iterator[Issue]:
    source, target = graph.nodes[edge.source], graph.nodes[edge.target]
    given, taken = types.spec(source.type, source.version), types.spec(target.type, target.version)
    is_result = graph.parents[edge.source] == edge.target
    if not is_result and not graph.sees(edge.target, edge.source):
        holder = graph.nodes.get(graph.parents[edge.source] or "")
        fix = [RemoveEdge(id=edge.id)]
        container = holder.called if holder else ""
        yield issue(OUTWARD, place, fix=fix, node=target.called, container=container)
        return
    outputs = _outputs(graph, edge, source, given)
    output = next((port for port in outputs if port.name == edge.source_port), None)
    inputs = _inputs(taken, is_result=is_result)
    target_port = next((port for port in inputs if port.name == edge.target_port), None)
    if given and output is None:
        yield _unknown(place, edge, source, [port.name for port in outputs], is_output=True)
    if taken and target_port is None:
        yield _unknown(place, edge, target, [port.name for port in inputs], is_output=False)
    if output is not None and target_port is not None and not _fits(output, target_port):
        yield issue(
            WRONG_TYPE, Place(place.path, node_id=edge.target, edge_id=edge.id),
            source=source.called, source_port=edge.source_port, target=target.called,
            target_port=edge.target_port, given=_type_text(output), taken=_type_text(target_port),
        )  # fmt: skip


def _is_sound(edge: FlowEdge, graph: Graph, types: NodeTypes) -> bool:
    """The ordinary case, found quickly: between declared ports whose types fit, on one level."""
    source, target = graph.nodes.get(edge.source), graph.nodes.get(edge.target)
    if source is None or target is None or graph.parents[edge.source] != graph.parents[edge.target]:
        return False
    given, taken = types.spec(source.type, source.version), types.spec(target.type, target.version)
    if given is None or taken is None:
        return False
    output = given.outputs_by_name.get(edge.source_port)
    port = taken.inputs_by_name.get(edge.target_port)
    return output is not None and port is not None and _types_fit(output.type, port.type, port.multiple)


def _outputs(graph: Graph, edge: FlowEdge, source: FlowNode, spec: NodeSpec | None) -> list[Port]:
    """The ports a connection may come from: those a container gives its body when it leads inside."""
    if spec is None:
        return []
    if graph.is_inside(edge.target, edge.source):
        return list(spec.body.gives) if spec.body else []
    return output_ports(source, spec)


def _inputs(spec: NodeSpec | None, *, is_result: bool) -> list[Port]:
    """The ports a connection may lead to: what a container takes from its body when it comes from inside."""
    if spec is None:
        return []
    if is_result:
        return list(spec.body.takes) if spec.body else []
    return list(spec.input_ports())


def _unknown(place: Place, edge: FlowEdge, node: FlowNode, known: list[str], *, is_output: bool) -> Issue:
    port = edge.source_port if is_output else edge.target_port
    at = Place(f"{place.path}.{'source' if is_output else 'target'}_port", node.id, edge.id)
    side, side_zh = ("output", "输出") if is_output else ("input", "输入")
    return issue(
        UNKNOWN_PORT, at, fix=[RemoveEdge(id=edge.id)], node=node.called, side=side, side_zh=side_zh,
        port=port[:80], known=", ".join(known) or "–", near=closest(port, known),
    )  # fmt: skip


def _fits(output: Port, target_port: Port) -> bool:
    """Types that cannot be read fit everything: that is the node's fault, and its own tests say so."""
    return _types_fit(output.type, target_port.type, target_port.multiple)


@lru_cache(maxsize=4096)
def _types_fit(given: str, taken: str, multiple: bool) -> bool:
    try:
        if multiple:
            item = parse_type(taken)
            return is_assignable(given, item) or is_assignable(given, f"array<{item}>")
        return is_assignable(given, taken)
    except SageError:
        return True


def _type_text(port: Port) -> str:
    return str(parse_type(port.type))


def output_ports(node: FlowNode, spec: NodeSpec) -> list[Port]:
    """The outputs of a node; nodes that route errors have one more."""
    ports = list(spec.outputs)
    if node.on_error == "route" and all(port.name != ERROR_PORT for port in ports):
        ports.append(Port(name=ERROR_PORT, type="Error", label={"en": "Error", "zh": "错误"}))
    return ports


def output_names(node: FlowNode, spec: NodeSpec) -> list[str]:
    return [port.name for port in output_ports(node, spec)]


def input_port(spec: NodeSpec, name: str) -> Port | None:
    return spec.inputs_by_name.get(name)


def _crowded_ports(document: FlowDocument, graph: Graph, types: NodeTypes) -> Iterator[Issue]:
    for index, node in enumerate(document.nodes):
        into = graph.incoming.get(node.id, ())
        spec = types.spec(node.type, node.version) if len(into) > 1 else None
        if spec is None or graph.nodes[node.id] is not node:
            continue
        by_port: dict[str, list[FlowEdge]] = {}
        for edge in into:
            by_port.setdefault(edge.target_port, []).append(edge)
        for name, edges in by_port.items():
            port = input_port(spec, name)
            unique = list({edge.id: edge for edge in edges})
            if port is not None and not port.multiple and len(unique) > 1:
                place = Place(f"nodes[{index}]", node.id, unique[-1])
                fix = [RemoveEdge(id=edge_id) for edge_id in unique[1:]]
                yield issue(
                    SECOND_EDGE, place, fix=fix, target=node.called, target_port=name, count=len(unique)
                )


def _cycles(document: FlowDocument, graph: Graph) -> Iterator[Issue]:
    positions = {edge.id: index for index, edge in enumerate(document.edges)}
    for cycle in graph.cycles():
        ids = [cycle[0].source, *(edge.target for edge in cycle)]
        names = [graph.nodes[node_id].called for node_id in ids]
        shown = " → ".join(names if len(names) <= 12 else [*names[:6], "…", *names[-5:]])
        closing = cycle[-1]
        place = Place(f"edges[{positions[closing.id]}]", closing.target, closing.id)
        yield issue(CYCLE, place, nodes=shown)
