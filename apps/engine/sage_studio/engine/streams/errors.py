"""What can go wrong with streams (408x)."""

from __future__ import annotations

from sage_studio.kernel import define_error

TOO_LONG = define_error(
    "stream.too_long",
    4080,
    en="The stream holds more than {limit} items, too many to be gathered into a list.",
    zh="数据流超过 {limit} 项，无法汇集为列表。",
    hint_en="Filter, group or take a part of it first, or connect a node that reads streams.",
    hint_zh="请先筛选、分组或截取一部分，或连接支持数据流的节点。",
    status=422,
)
DEADLOCK = define_error(
    "stream.deadlock",
    4081,
    en="Streams of this flow wait for each other: one is held back by more than {limit} items until another "
    "has been read.",
    zh="流程中的数据流互相等待：其中一个必须积压超过 {limit} 项，另一个才能继续。",
    hint_en="This happens where a stream splits and meets itself again. Gather one side into a list first.",
    hint_zh="数据流分叉后又汇合时会出现这种情况。请先将其中一侧汇集为列表。",
    status=422,
)
BAD_ITEM = define_error(
    "stream.bad_position",
    4082,
    en="The checkpoint of this node cannot be read: {reason}",
    zh="无法读取该节点的检查点：{reason}",
    hint_en="The node was changed since. Start a new run.",
    hint_zh="该节点已被修改，请重新运行。",
    status=409,
)
