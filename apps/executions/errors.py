"""Codes of runs (44xx) beside those of the engine."""

from __future__ import annotations

from sage_studio.kernel import define_error

FLOW_INVALID = define_error(
    "run.flow_invalid",
    4401,
    en="The flow cannot run: {count} problems must be solved first.",
    zh="流程无法运行：需要先解决 {count} 个问题。",
    hint_en="Open the flow's problems; each leads to its node.",
    hint_zh="请打开流程的问题列表，每一项都会指向对应节点。",
    status=422,
)
FLOW_EMPTY = define_error(
    "run.flow_empty",
    4402,
    en="The flow has no nodes yet, so there is nothing to run.",
    zh="流程中还没有节点，无可运行的内容。",
    hint_en="Drag a node from the library onto the canvas.",
    hint_zh="请从节点库拖入一个节点。",
    status=422,
)
NOT_CANCELLABLE = define_error(
    "run.not_cancellable",
    4403,
    en="This run is {state} already.",
    zh="该运行已处于“{state}”状态。",
    status=409,
)
NOT_RETRYABLE = define_error(
    "run.not_retryable",
    4404,
    en="A run can be retried once it has ended or waits for a decision; this one is {state}.",
    zh="只有已结束或等待决定的运行才能重试；该运行目前为“{state}”。",
    status=409,
)
INPUTS_TOO_LARGE = define_error(
    "run.inputs_too_large",
    4406,
    en="The inputs of a run may have at most {limit_bytes} bytes.",
    zh="运行输入最多 {limit_bytes} 字节。",
    hint_en="Upload the data as a file and give the file.",
    hint_zh="请将数据作为文件上传，并把文件作为输入。",
    status=413,
)
WORKERS_LOST = define_error(
    "run.workers_lost",
    4407,
    en="The run was given up after {claims} workers stopped while they had it.",
    zh="先后有 {claims} 个工作进程在执行该运行时停止，已放弃运行。",
    hint_en="One of its nodes probably needs more memory than there is. Try with less data.",
    hint_zh="很可能某个节点所需的内存超过了可用内存，请减少数据后重试。",
    status=500,
)
FAULT = define_error(
    "run.fault",
    4408,
    en="The run stopped on a fault of the server itself.",
    zh="运行因服务器自身的故障而停止。",
    hint_en="Retry it. If it happens again, tell the administrator the run's id.",
    hint_zh="请重试；如再次发生，请将运行编号告知管理员。",
    status=500,
    retryable=True,
)
