"""Codes of runs (44xx) beside those of the engine."""

from __future__ import annotations

from sage_studio.kernel import define_error

FLOW_INVALID = define_error(
    "run.flow_invalid",
    4401,
    en="The flow cannot run. Problems to solve first: {count}.",
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
NOT_PAUSABLE = define_error(
    "run.not_pausable",
    4050,
    en="Only a run that is ready or running can be paused; this one is {state}.",
    zh="只有就绪或运行中的运行才能暂停；该运行目前为“{state}”。",
    status=409,
)
NOT_RESUMABLE = define_error(
    "run.not_resumable",
    4051,
    en="Only a paused run can go on; this one is {state}.",
    zh="只有已暂停的运行才能继续；该运行目前为“{state}”。",
    status=409,
)
NOT_WAITING = define_error(
    "run.not_waiting",
    4052,
    en="The run does not wait for “{key}”, or does so no more.",
    zh="该运行没有在等待“{key}”，或已不再等待。",
    hint_en="Look again at what the run waits for.",
    hint_zh="请重新查看该运行正在等待的内容。",
    status=409,
)
ANSWERED_ALREADY = define_error(
    "run.answered_already",
    4053,
    en="Somebody has answered this already; the first answer counts.",
    zh="已有人作出答复，以第一次答复为准。",
    status=409,
)
TOO_DEEP = define_error(
    "run.too_deep",
    4054,
    en="Flows may call one another to a depth of {limit}; this call goes deeper.",
    zh="流程之间最多可嵌套调用 {limit} 层，本次调用超出了限制。",
    hint_en="A flow probably calls itself without an end.",
    hint_zh="可能有流程在无止境地调用自身。",
    status=422,
)
NO_FLOW = define_error(
    "run.no_flow",
    4055,
    en="There is no flow “{flow}” in this workspace.",
    zh="该工作区中没有流程“{flow}”。",
    hint_en="Choose the flow again; it may have been deleted.",
    hint_zh="请重新选择流程，它可能已被删除。",
    status=404,
)
NO_VERSION = define_error(
    "run.no_version",
    4056,
    en="The flow “{flow}” has no version {version}.",
    zh="流程“{flow}”没有版本 {version}。",
    status=404,
)
PARENT_STOPPED = define_error(
    "run.parent_stopped",
    4058,
    en="The run was stopped before it could start the flow.",
    zh="运行在启动该流程之前已被停止。",
    status=409,
)
REDRIVE_ACTIVE = define_error(
    "run.redrive_active",
    4059,
    en="A run can be taken up from a node once it has ended; this one is {state}.",
    zh="运行结束后才能从某个节点重新开始；该运行目前为“{state}”。",
    hint_en="Cancel it first, or resume it if it is paused.",
    hint_zh="请先取消运行；如果已暂停，请继续运行。",
    status=409,
)
REDRIVE_NODE = define_error(
    "run.redrive_node",
    4060,
    en="The flow has no node “{node}” on its top level.",
    zh="流程的顶层没有节点“{node}”。",
    hint_en="For a node inside a container, choose the container.",
    hint_zh="如果节点位于容器内，请选择该容器。",
    status=422,
)
REDRIVE_NOTHING = define_error(
    "run.redrive_nothing",
    4061,
    en="Nothing in this run failed, so there is no place to go on from.",
    zh="该运行没有失败的节点，因此没有可继续的位置。",
    hint_en="Name the node to run again from, or run the whole flow again.",
    hint_zh="请指定从哪个节点重新运行，或重新运行整个流程。",
    status=409,
)
REDRIVE_PART = define_error(
    "run.redrive_part",
    4062,
    en="This run was of a part of its flow; taking it up again would run the nodes outside of the part too.",
    zh="该运行只执行了流程的一部分；从它继续会连同其余节点一起执行。",
    hint_en="Retry the run to repeat the part, or run the flow from a node on this run's data.",
    hint_zh="请重试该运行以重复这一部分，或基于该运行的数据从某个节点开始运行流程。",
    status=409,
)
TOO_MANY_BELOW = define_error(
    "run.too_many_below",
    4160,
    en="This run and the flows it calls have {limit} runs under way; no more are started.",
    zh="该运行及其调用的流程已有 {limit} 个运行尚未结束，不再启动新的运行。",
    hint_en="Does a flow call itself more than once? Otherwise lower the concurrency of the container.",
    hint_zh="是否有流程多次调用自身？否则请降低容器的并发数。",
    status=409,
)
BUDGET_NONE = define_error(
    "budget.none",
    4193,
    en="This run has no budget that could be raised.",
    zh="该运行没有可以提高的预算。",
    status=409,
)
BUDGET_NOT_RAISED = define_error(
    "budget.not_raised",
    4194,
    en="The new budget must be higher than the present one.",
    zh="新的预算必须高于当前预算。",
    status=422,
)
JOB_UNREADABLE = define_error(
    "job.unreadable",
    4137,
    en="A node's job cannot be read with the keys of this installation.",
    zh="无法使用本系统的密钥读取节点任务。",
    hint_en="Every server and worker needs the same SAGE_CREDENTIAL_KEYS.",
    hint_zh="所有服务器和工作进程必须使用相同的 SAGE_CREDENTIAL_KEYS。",
    status=500,
)
