"""Checks of ``{{ }}`` texts before a run: do they read, and does what they name exist by then?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sage_studio.expressions import Template
from sage_studio.expressions.handing import HandedOver, compile_here
from sage_studio.flow.check_edges import output_names
from sage_studio.flow.document import FlowDocument, FlowNode
from sage_studio.flow.graph import Graph
from sage_studio.flow.issues import Issue, Place, closest, from_error, issue
from sage_studio.flow.levels import containers_of
from sage_studio.flow.node_types import NodeTypes
from sage_studio.flow.spec import ExpressionUse, NodeSpec
from sage_studio.kernel import Json, SageError, define_error

UNKNOWN = define_error(
    "reference.unknown", 2321, status=422,
    en="“{name}” in “{node}” names nothing in this flow.{suggestion}",
    zh="“{node}” 中的 “{name}” 在流程中不存在。{suggestion_zh}",
    hint_en="Name a node before this one, or inputs, flow, run or vars.",
    hint_zh="请使用前面节点的 id，或 inputs、flow、run、vars。",
)  # fmt: skip
NOT_BEFORE = define_error(
    "reference.not_before", 2322, status=422,
    en="“{node}” reads “{name}”, which does not run before it.",
    zh="“{node}” 读取 “{name}”，但后者不会先于它运行。",
    hint_en="Connect {name} (or something after it) to {node}.",
    hint_zh="请将 {name}（或其后的节点）连接到 {node}。",
)  # fmt: skip
NO_OUTPUT = define_error(
    "reference.no_output", 2323, status=422,
    en="“{name}” has no output “{port}”.{suggestion}", zh="“{name}” 没有输出 “{port}”。{suggestion_zh}",
    hint_en="Its outputs are: {known}.", hint_zh="可用的输出：{known}。",
)  # fmt: skip
NO_INPUT = define_error(
    "reference.no_input", 2324, status=422,
    en="Nothing is connected to the input “{port}” of “{node}”, so inputs.{port} is empty.{suggestion}",
    zh="“{node}” 的输入 “{port}” 没有连线，inputs.{port} 为空。{suggestion_zh}",
    hint_en="Connect something, or write inputs?.{port} ?? a default.",
    hint_zh="请连线，或写作 inputs?.{port} ?? 默认值。",
)  # fmt: skip
NO_VARIABLE = define_error(
    "reference.no_variable", 2325, status=422,
    en="The flow has no {what} “{name}”.{suggestion}", zh="流程中没有{what_zh} “{name}”。{suggestion_zh}",
    hint_en="Add it in the flow's settings.", hint_zh="请在流程设置中添加。",
)  # fmt: skip
ONLY_PER_ITEM = define_error(
    "reference.only_per_item", 2326, status=422,
    en="“{name}” exists only in fields that are computed for each item.",
    zh="“{name}” 只能在逐项计算的字段中使用。",
    hint_en="Use data_map or data_filter to work item by item.",
    hint_zh="如需逐项处理，请使用 data_map 或 data_filter。",
)  # fmt: skip
DISABLED = define_error(
    "reference.disabled", 2327, status=422,
    en="“{node}” reads “{name}”, which is disabled and only hands its input on.",
    zh="“{node}” 读取 “{name}”，但该节点已停用，只会传递其输入。",
    hint_en="Enable it, or read something else.", hint_zh="请启用该节点，或改为读取其他内容。",
)  # fmt: skip

_ROOTS = ("inputs", "flow", "run", "vars")
_PER_ITEM = ("item", "index")


@dataclass(slots=True)
class _Reader:
    """One node's expressions and what they may name."""

    document: FlowDocument
    graph: Graph
    types: NodeTypes
    node: FlowNode
    spec: NodeSpec | None
    wired: frozenset[str]

    def check(self, path: str, *, use: ExpressionUse, place: Place) -> Issue | None:
        root, _, rest = path.partition(".")
        member = rest.split(".", 1)[0]
        if root in _PER_ITEM:
            known = use == "item" or self._is_given(root, is_inside=use == "body")
            return None if known else issue(ONLY_PER_ITEM, place, name=root)
        if root == "inputs":
            return self._input(member, place)
        if root == "vars":
            return self._known(member, self.document.variables, ("variable", "变量"), place)
        if root == "flow":
            return self._flow(rest, place)
        if root == "run":
            return None
        return self._node(root, member, place, is_inside=use == "body")

    def _is_given(self, name: str, *, is_inside: bool) -> bool:
        """Whether a container around the expression gives its body a value of that name."""
        around = containers_of(self.node.id, self.graph.parents)
        for container in [self.node.id, *around] if is_inside else around:
            holder = self.graph.nodes[container]
            spec = self.types.spec(holder.type, holder.version)
            if spec is not None and spec.body and any(port.name == name for port in spec.body.gives):
                return True
        return False

    def _input(self, port: str, place: Place) -> Issue | None:
        if not port or port in self.wired:
            return None
        near = closest(port, self.wired)
        return issue(NO_INPUT, place, severity="warning", node=self.node.called, port=port, near=near)

    def _flow(self, rest: str, place: Place) -> Issue | None:
        first, _, name = rest.partition(".")
        if first != "inputs":
            return None
        known = {item.name: item for item in self.document.inputs}
        return self._known(name.split(".", 1)[0], known, ("input", "输入"), place)

    def _known(self, name: str, known: object, what: tuple[str, str], place: Place) -> Issue | None:
        assert isinstance(known, dict)
        if not name or name in known:
            return None
        near = closest(name, known)
        return issue(
            NO_VARIABLE, place, severity="warning", name=name, what=what[0], what_zh=what[1], near=near
        )

    def _node(self, name: str, port: str, place: Place, *, is_inside: bool) -> Issue | None:
        other = self.graph.nodes.get(name)
        if other is None:
            near = _closest_name(name, [*_ROOTS, *(key for key in self.graph.nodes if key != self.node.id)])
            return issue(UNKNOWN, place, node=self.node.called, name=name, near=near)
        if not self._comes_before(name, is_inside=is_inside):
            return issue(NOT_BEFORE, place, node=self.node.called, name=name)
        if other.disabled:
            return issue(DISABLED, place, severity="warning", node=self.node.called, name=name)
        spec = self.types.spec(other.type, other.version)
        if spec is None or not port or (spec.body is None and port in spec.outputs_by_name):
            return None
        known = output_names(other, spec)
        if spec.body is not None and (name == self.node.id or self.graph.is_inside(self.node.id, name)):
            known = [given.name for given in spec.body.gives]
        if port in known:
            return None
        return issue(
            NO_OUTPUT,
            place,
            name=name,
            port=port,
            known=", ".join(known),
            near=closest(port, known),
        )

    def _comes_before(self, name: str, *, is_inside: bool) -> bool:
        """Whether a node has given its outputs when the expression is evaluated: it runs before this node,
        in an earlier section of the same body, or (for fields evaluated inside) it is in the body."""
        graph, node_id = self.graph, self.node.id
        if is_inside and (name == node_id or graph.parents[name] == node_id):
            return True
        if graph.is_upstream(name, node_id):
            return True
        container = graph.parents[node_id]
        if container is None or graph.parents[name] != container:
            return False
        holder = graph.nodes[container]
        spec = self.types.spec(holder.type, holder.version)
        if spec is None or spec.body is None or not spec.body.sections:
            return False
        order = list(spec.body.sections)
        section = graph.sections(container, spec.body)
        return order.index(section[name]) < order.index(section[node_id])


def check_expressions(
    document: FlowDocument, graph: Graph, types: NodeTypes, node: FlowNode, place: Place
) -> Iterator[Issue]:
    """Every issue of the expressions in a node's settings."""
    spec = types.spec(node.type, node.version)
    reader: _Reader | None = None
    for name, value in node.config.items():
        if not _may_hold_expressions(value):
            continue
        field = spec.fields_by_name.get(name) if spec else None
        if field is not None and field.expression == "never":
            continue
        for below, text in _texts(value, f"{place.path}.config.{name}"):
            if reader is None:
                wired = graph.wired_ports(node.id)
                reader = _Reader(document, graph, types, node, spec, wired)
            use = "item" if field is None else field.expression
            given = () if field is None else field.item_names
            hands_over = field is None or field.hands_over or use != "item"
            yield from _check_text(
                reader, text, Place(below, node.id), use, given=given, hands_over=hands_over
            )


def check_outputs(document: FlowDocument, graph: Graph) -> Iterator[Issue]:
    """Expressions in the flow's declared outputs: they may name every node."""
    for index, output in enumerate(document.outputs):
        for path, text in _texts(output, f"outputs[{index}]"):
            place = Place(path)
            template = _compiled(text, place, hands_over=True)
            if isinstance(template, Issue):
                yield template
                continue
            for root in sorted({read.split(".", 1)[0] for read in template.reads}):
                if root not in graph.nodes and root not in ("flow", "run", "vars"):
                    near = _closest_name(root, list(graph.nodes))
                    yield issue(UNKNOWN, place, node="outputs", name=root, near=near)


def _check_text(
    reader: _Reader, text: str, place: Place, use: ExpressionUse, *, given: Sequence[str], hands_over: bool
) -> Iterator[Issue]:
    template = _compiled(text, place, hands_over=hands_over)
    if isinstance(template, Issue):
        yield template
        return
    paths: Iterable[str] = template.positions
    if len(template.positions) > 1:
        paths = sorted(paths, key=template.positions.__getitem__)
    for path in paths:
        if path.partition(".")[0] in given:
            continue
        found = reader.check(path, use=use, place=place)
        if found is not None:
            yield found


def _compiled(text: str, place: Place, *, hands_over: bool) -> Template | HandedOver | Issue:
    try:
        return compile_here(text, hands_over=hands_over)
    except SageError as error:
        return from_error(error, place)


def _may_hold_expressions(value: Json) -> bool:
    """Most settings are short plain values."""
    return "{{" in value if isinstance(value, str) else isinstance(value, (dict, list))


def _texts(value: Json, path: str) -> list[tuple[str, str]]:
    """(path, text) of every text with ``{{`` inside a value."""
    found: list[tuple[str, str]] = []
    _collect(value, path, found)
    return found


def _collect(value: Json, path: str, found: list[tuple[str, str]]) -> None:
    if isinstance(value, str):
        if "{{" in value:
            found.append((path, value))
    elif isinstance(value, dict):
        for key, item in value.items():
            _collect(item, f"{path}.{key}", found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _collect(item, f"{path}[{index}]", found)


def _closest_name(name: str, known: list[str]) -> str | None:
    """As ``closest``, but a shared beginning counts most: ids end in random letters."""
    stem = name.rsplit("_", 1)[0]
    same_stem = [other for other in known if other.rsplit("_", 1)[0] == stem]
    if same_stem:
        return difflib.get_close_matches(name, same_stem, n=1, cutoff=0.0)[0]
    return closest(name, known[:2000])
