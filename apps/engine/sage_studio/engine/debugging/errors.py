"""Codes of the debugger (4070–4078)."""

from __future__ import annotations

from sage_studio.kernel import define_error

STOP_GONE = define_error(
    "debug.stop_gone",
    4070,
    en="The run has moved on from this stop already.",
    zh="运行已经离开该断点位置。",
    hint_en="Somebody else was faster. Look where the run stands now.",
    hint_zh="可能有其他人先操作了，请查看运行的当前位置。",
    status=409,
)
BAD_COMMAND = define_error(
    "debug.command",
    4071,
    en="This is not a debug command: {reason}",
    zh="调试命令无效：{reason_zh}",
    status=422,
)
BAD_BREAKPOINT = define_error(
    "debug.breakpoint",
    4072,
    en="The breakpoint on “{node_id}” cannot be set: {reason}",
    zh="无法在“{node_id}”上设置断点：{reason_zh}",
    status=422,
)
NOT_HERE = define_error(
    "debug.not_here",
    4073,
    en="“{command}” means nothing at this stop.",
    zh="在当前断点位置无法执行“{command}”。",
    hint_en="Trying again is for a node that failed; another stop is chosen while the run stands still; of a "
    "node that works on a stream only the items can be edited.",
    hint_zh="“重试”只用于失败的节点；只有运行停住时才能切换到其他断点位置；处理数据流的节点只能编辑数据项。",
    status=409,
)
NO_NODE = define_error(
    "debug.no_node",
    4077,
    en="The flow that runs has no node “{node_id}”.",
    zh="正在运行的流程中没有节点“{node_id}”。",
    hint_en="It may have been added or renamed since the run began.",
    hint_zh="该节点可能是运行开始之后才添加或更改的。",
    status=422,
)
GOING_ON = define_error(
    "debug.going_on",
    4078,
    en="The run is moving on from this stop already: {name} chose “{command}”.",
    zh="运行正在离开该断点位置：{name} 已选择“{command}”。",
    hint_en="Look where the run stands next.",
    hint_zh="请查看运行接下来停在何处。",
    status=409,
)
NOT_DEBUGGABLE = define_error(
    "debug.run_ended",
    4074,
    en="This run is {state}; only a run under way can be debugged.",
    zh="该运行已处于“{state}”状态；只能调试进行中的运行。",
    status=409,
)
