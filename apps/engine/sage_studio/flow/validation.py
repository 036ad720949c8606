"""Is this flow fit to run? Every issue is named with its place and what to do about it.

Checks meaning; shape is checked while parsing. Works in time linear in the flow, apart from
expressions that reach far back.
"""

from __future__ import annotations

from collections.abc import Iterator

from sage_studio.flow.check_config import check_config
from sage_studio.flow.check_edges import check_edges
from sage_studio.flow.check_expressions import check_expressions, check_outputs
from sage_studio.flow.document import FlowDocument, FlowNode
from sage_studio.flow.graph import Graph
from sage_studio.flow.issues import Issue, Place, closest, from_error, issue
from sage_studio.flow.node_types import AskedOnce, NodeTypes, Upgrades
from sage_studio.flow.operations import Move, Set, Unset
from sage_studio.flow.spec import NodeSpec
from sage_studio.flow.spec_versions import version_of
from sage_studio.flow.types import parse_type
from sage_studio.kernel import SageError, collector_paused, define_error

MAX_ISSUES = 1_000

DUPLICATE_ID = define_error(
    "node.duplicate_id", 2331, status=422,
    en="Two nodes have the id “{node}”.", zh="有两个节点使用了相同的 id “{node}”。",
    hint_en="Give one of them another id.", hint_zh="请修改其中一个的 id。",
)  # fmt: skip
UNKNOWN_TYPE = define_error(
    "node.unknown_type", 2332, status=422,
    en="“{node}” is of type “{type}”, which is not installed.{suggestion}",
    zh="“{node}” 的类型 “{type}” 未安装。{suggestion_zh}",
    hint_en="Install the plug-in it comes from, or replace the node.",
    hint_zh="请安装提供该节点的插件，或替换该节点。",
)  # fmt: skip
UNKNOWN_VERSION = define_error(
    "node.unknown_version", 2333, status=422,
    en="“{node}” was made with version {version} of “{type}”; installed is {installed}.",
    zh="“{node}” 使用 “{type}” 的 {version} 版本创建；当前安装的是 {installed}。",
    hint_en="Update the plug-in, or go back to the installed version and check the settings.",
    hint_zh="请升级插件，或改用已安装的版本并检查设置。",
)  # fmt: skip
INPUT_MISSING = define_error(
    "node.input_missing", 2334, status=422,
    en="Nothing is connected to the input “{port}” of “{node}”.",
    zh="“{node}” 的输入 “{port}” 没有连线。",
    hint_en="Connect an output of type {type} to it.", hint_zh="请将类型为 {type} 的输出连接到它。",
)  # fmt: skip
NO_PARENT = define_error(
    "node.no_parent", 2335, status=422,
    en="“{node}” belongs to the container “{parent}”, which is not in the flow.",
    zh="“{node}” 所属的容器 “{parent}” 不在流程中。",
    hint_en="Move it out, or into another container.", hint_zh="请将其移出，或移入其他容器。",
)  # fmt: skip
PARENT_RING = define_error(
    "node.parent_ring", 2336, status=422,
    en="“{node}” contains itself through its containers.", zh="“{node}” 通过容器包含了自身。",
    hint_en="Move it out.", hint_zh="请将其移出。",
)  # fmt: skip
UNKNOWN_KEY = define_error(
    "node.unknown_key", 2337, status=422,
    en="“{key}” of “{node}” is not known; it is kept and has no effect.",
    zh="“{node}” 的 “{key}” 无法识别；会保留但不起作用。",
    hint_en="Settings belong under “config”.{suggestion}",
    hint_zh="设置项应放在 “config” 中。{suggestion_zh}",
)  # fmt: skip
UNCONNECTED = define_error(
    "node.unconnected", 2338, status=422,
    en="“{node}” is connected to nothing.", zh="“{node}” 没有任何连线。",
    hint_en="Connect it, disable it or remove it.", hint_zh="请连线、停用或删除该节点。",
)  # fmt: skip
NO_NODES = define_error(
    "flow.no_nodes", 2339, status=422,
    en="The flow has no nodes.", zh="流程中没有节点。",
    hint_en="Add one from the library.", hint_zh="请从节点库中添加。",
)  # fmt: skip
NO_TRIGGER = define_error(
    "flow.no_trigger", 2340, status=422,
    en="The flow has no trigger: it runs only when somebody starts it.",
    zh="流程没有触发器：只能手动启动。",
    hint_en="Add a manual trigger to give it inputs.", hint_zh="可添加手动触发器以接收输入。",
)  # fmt: skip
BAD_INPUT = define_error(
    "flow.duplicate_input", 2341, status=422,
    en="Two inputs of the flow are called “{name}”.", zh="流程有两个名为 “{name}” 的输入。",
    hint_en="Rename one of them.", hint_zh="请重命名其中一个。",
)  # fmt: skip


NO_CONTAINER = define_error(
    "node.parent_no_container", 2342, status=422,
    en="“{node}” lies inside “{parent}”, which cannot hold nodes.",
    zh="“{node}” 位于 “{parent}” 之内，但后者不能容纳节点。",
    hint_en="Move it out, or into a loop, a map or a try container.",
    hint_zh="请将其移出，或移入循环、映射或异常捕获容器。",
)  # fmt: skip
EMPTY_CONTAINER = define_error(
    "node.container_empty", 2343, status=422,
    en="There is nothing inside “{node}”.", zh="“{node}” 内部没有节点。",
    hint_en="Drag nodes into it.", hint_zh="请将节点拖入其中。",
)  # fmt: skip


@collector_paused()
def validate(document: FlowDocument, types: NodeTypes) -> list[Issue]:
    """Every issue, errors first; at most ``MAX_ISSUES``."""
    found: list[Issue] = []
    for item in _all(_with_new_settings(document, types), types):
        found.append(item)
        if len(found) >= MAX_ISSUES:
            break
    return sorted(found, key=lambda item: item.severity)


def has_errors(issues: list[Issue]) -> bool:
    return any(item.severity == "error" for item in issues)


def _with_new_settings(document: FlowDocument, types: NodeTypes) -> FlowDocument:
    """The flow as it is compiled: settings of older versions are upgraded before they are looked at."""
    if not isinstance(types, Upgrades):
        return document
    nodes = []
    for node in document.nodes:
        spec = None if node.version is None else types.spec(node.type, node.version)
        if spec is not None and node.version is not None and spec.version != node.version:
            config = dict(types.upgraded(node.type, node.version, node.config))
            nodes.append(node.model_copy(update={"config": config}))
        else:
            nodes.append(node)
    is_same = all(new is old for new, old in zip(nodes, document.nodes, strict=True))
    return document if is_same else document.model_copy(update={"nodes": nodes})


def _all(document: FlowDocument, types: NodeTypes) -> Iterator[Issue]:
    graph, types = Graph(document), AskedOnce(types)
    yield from _check_flow(document, types)
    yield from check_edges(document, graph, types)
    for index, node in enumerate(document.nodes):
        place = Place(f"nodes[{index}]", node.id)
        if graph.nodes[node.id] is not node:
            yield issue(DUPLICATE_ID, place.below("id"), node=node.id)
            continue
        yield from _check_node(document, graph, types, node, place)
    yield from check_outputs(document, graph)


def _check_flow(document: FlowDocument, types: NodeTypes) -> Iterator[Issue]:
    if not document.nodes:
        yield issue(NO_NODES, Place("nodes"), severity="warning")
    else:
        specs = [types.spec(node.type, node.version) for node in document.nodes if not node.disabled]
        if all(spec is not None and not spec.trigger for spec in specs):
            yield issue(NO_TRIGGER, Place("nodes"), severity="warning")
    names: set[str] = set()
    for index, item in enumerate(document.inputs):
        place = Place(f"inputs[{index}]")
        if item.name in names:
            yield issue(BAD_INPUT, place.below("name"), name=item.name)
        names.add(item.name)
        try:
            parse_type(item.type)
        except SageError as error:
            yield from_error(error, place.below("type"))


def _check_node(
    document: FlowDocument, graph: Graph, types: NodeTypes, node: FlowNode, place: Place
) -> Iterator[Issue]:
    if node.parent is not None:
        yield from _check_parent(graph, types, node, node.parent, place)
    spec = types.spec(node.type, node.version)
    if spec is None:
        known = [other.id for other in types.specs()]
        near = closest(node.type, known)
        yield issue(UNKNOWN_TYPE, place.below("type"), node=node.called, type=node.type, near=near)
    else:
        if node.version is not None and node.version != spec.version:
            yield from _check_version(node, node.version, spec, place)
        if node.model_extra:
            yield from _check_keys(node, spec, place)
        if not node.disabled:
            yield from _check_inputs(graph, node, spec, place)
    yield from check_expressions(document, graph, types, node, place)


def _check_parent(
    graph: Graph, types: NodeTypes, node: FlowNode, parent_id: str, place: Place
) -> Iterator[Issue]:
    fix = [Move(node=node.id, pos=node.pos, parent=None)]
    if parent_id not in graph.nodes:
        yield issue(NO_PARENT, place.below("parent"), fix=fix, node=node.called, parent=parent_id[:80])
        return
    seen = {node.id}
    at: str | None = parent_id
    while at is not None and at in graph.nodes:
        if at == node.id:
            yield issue(PARENT_RING, place.below("parent"), fix=fix, node=node.called)
            return
        if at in seen:
            return
        seen.add(at)
        at = graph.nodes[at].parent
    holder = graph.nodes[parent_id]
    parent = types.spec(holder.type, holder.version)
    if parent is not None and parent.body is None:
        yield issue(NO_CONTAINER, place.below("parent"), fix=fix, node=node.called, parent=holder.called)


def _check_version(node: FlowNode, version: str, spec: NodeSpec, place: Place) -> Iterator[Issue]:
    """Older versions are upgraded when the flow is compiled; newer ones cannot be known."""
    wanted, installed = version_of(version), version_of(spec.version)
    if wanted is None or installed is None or wanted[:2] > installed[:2]:
        fix = [Set(node=node.id, path=["version"], value=spec.version, was=version)]
        yield issue(
            UNKNOWN_VERSION, place.below("version"), fix=fix,
            node=node.called, type=spec.id, version=version, installed=spec.version,
        )  # fmt: skip


def _check_keys(node: FlowNode, spec: NodeSpec, place: Place) -> Iterator[Issue]:
    for key in node.model_extra or {}:
        near = f"config.{key}" if spec.field(key) else None
        fix = [Unset(node=node.id, path=[key])] if near is None else []
        yield issue(
            UNKNOWN_KEY,
            place.below(key),
            severity="warning",
            fix=fix,
            node=node.called,
            key=key[:80],
            near=near,
        )


def _check_inputs(graph: Graph, node: FlowNode, spec: NodeSpec, place: Place) -> Iterator[Issue]:
    edges = graph.incoming.get(node.id, [])
    wired = graph.wired_ports(node.id)
    for port in spec.inputs:
        if port.required and port.name not in wired:
            yield issue(INPUT_MISSING, place, node=node.called, port=port.name, type=port.type)
    yield from check_config(node, spec, wired, place)
    if spec.body is not None and not graph.has_children(node.id) and not _has_result(node):
        yield issue(EMPTY_CONTAINER, place, severity="warning", node=node.called)
    alone = node.parent is None and not edges and not graph.outgoing.get(node.id) and not spec.trigger
    if alone and len(graph.nodes) > 1:
        yield issue(UNCONNECTED, place, severity="warning", node=node.called)


def _has_result(node: FlowNode) -> bool:
    """A container may do without children when an expression gives the result."""
    return node.config.get("result") not in (None, "")
