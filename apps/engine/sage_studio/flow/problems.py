"""What the projection left out, as facts that two languages write alike, and as sentences."""

from __future__ import annotations

from dataclasses import dataclass

from sage_studio.flow.values import code_units
from sage_studio.kernel import JsonObject, Text, define_error, error_codes

define_error(
    "edge.dangling", 2101, status=422,
    en="A connection leads to {other}, which is not in the flow.",
    zh="有一条连线指向 {other}，但流程中没有这个节点。",
    hint_en="Remove the connection or bring the node back.", hint_zh="删除这条连线，或恢复该节点。",
)  # fmt: skip
define_error(
    "edge.port_taken", 2102, status=422,
    en="Two connections meet on an input that takes one; the earlier one is used.",
    zh="两条连线接到同一个只接受一条连线的输入；使用较早的那条。",
    hint_en="Remove one of the two connections.", hint_zh="删除其中一条连线。",
)  # fmt: skip
define_error(
    "edge.cycle", 2103, status=422,
    en="This connection closes a loop, so it is left out of runs.",
    zh="这条连线形成了环路，运行时不使用它。",
    hint_en="Remove the connection; to repeat steps, use a loop container.",
    hint_zh="请删除该连线；如需重复执行，请使用循环容器。",
)  # fmt: skip
define_error(
    "edge.malformed", 2104, status=422,
    en="A connection is stored in a form that cannot be read and is left out.",
    zh="有一条连线的存储形式无法读取，已被忽略。",
    hint_en="Draw the connection again.", hint_zh="请重新连线。",
)  # fmt: skip
define_error(
    "edge.too_many", 2105, status=422,
    en="The flow has more connections than fit; the latest are left out.",
    zh="流程中的连线数量超出上限；最后的若干条被忽略。",
    hint_en="Split the flow into sub-flows.", hint_zh="请将流程拆分为子流程。",
)  # fmt: skip
define_error(
    "node.malformed", 2111, status=422,
    en="A node is stored in a form that cannot be read and is left out: {node_id}.",
    zh="节点 {node_id} 的存储形式无法读取，已被忽略。",
    hint_en="Remove it and add the node again.", hint_zh="请删除并重新添加该节点。",
)  # fmt: skip
define_error(
    "node.field", 2112, status=422,
    en="The value of {path} in node {node_id} has a wrong shape; the default is used.",
    zh="节点 {node_id} 的 {path} 取值格式不正确；已使用默认值。",
    hint_en="Set the value again in the inspector.", hint_zh="请在属性面板中重新设置该值。",
)  # fmt: skip
define_error(
    "node.parent_missing", 2113, status=422,
    en="Node {node_id} belongs to the container {other}, which is not in the flow; it stands alone now.",
    zh="节点 {node_id} 所属的容器 {other} 不在流程中；该节点现在独立存在。",
    hint_en="Move the node into a container, or leave it.", hint_zh="请将该节点移入某个容器，或保持不变。",
)  # fmt: skip
define_error(
    "node.parent_cycle", 2114, status=422,
    en="Containers hold each other in a ring; node {node_id} was taken out of {other}.",
    zh="容器互相嵌套成环；节点 {node_id} 已从 {other} 中移出。",
    hint_en="Move the node to where it belongs.", hint_zh="请将该节点移动到正确的位置。",
)  # fmt: skip
define_error(
    "node.too_many", 2115, status=422,
    en="The flow has more nodes than fit; {node_id} is left out.",
    zh="流程中的节点数量超出上限；{node_id} 被忽略。",
    hint_en="Split the flow into sub-flows.", hint_zh="请将流程拆分为子流程。",
)  # fmt: skip
define_error(
    "note.malformed", 2116, status=422,
    en="A sticky note holds a value that cannot be read: {path}.",
    zh="便签中有无法读取的内容：{path}。",
    hint_en="Write the note again.", hint_zh="请重新填写该便签。",
)  # fmt: skip
define_error(
    "meta.field", 2117, status=422,
    en="The flow's {path} has a wrong shape; the default is used.",
    zh="流程的 {path} 格式不正确；已使用默认值。",
    hint_en="Set it again in the flow's settings.", hint_zh="请在流程设置中重新填写。",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing the projection left out. ``other`` is the node that is missing or the edge that won."""

    code: str
    node_id: str = ""
    edge_id: str = ""
    path: str = ""
    other: str = ""

    def order(self) -> tuple[str, bytes, bytes, bytes, bytes]:
        units = (code_units(part) for part in (self.edge_id, self.node_id, self.path, self.other))
        edge, node, path, other = units
        return (self.code, edge, node, path, other)

    def facts(self) -> JsonObject:
        """The problem as JSON, without empty members."""
        named = {
            "code": self.code,
            "node_id": self.node_id,
            "edge_id": self.edge_id,
            "path": self.path,
            "other": self.other,
        }
        return {key: value for key, value in named.items() if value}

    def message(self) -> Text:
        return self._filled("message")

    def hint(self) -> Text:
        return self._filled("hint")

    def _filled(self, part: str) -> Text:
        entry = error_codes()[self.code]
        text = entry.message if part == "message" else entry.hint
        facts = {"node_id": self.node_id, "edge_id": self.edge_id, "path": self.path, "other": self.other}
        return Text(en=text["en"].format_map(facts), zh=text["zh"].format_map(facts))
