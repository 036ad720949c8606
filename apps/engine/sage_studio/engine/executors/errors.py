"""Codes of what can go wrong when a node runs somewhere else than in its run's own process."""

from __future__ import annotations

from sage_studio.kernel import SageError, define_error

UNKNOWN_EXECUTOR = define_error(
    "executor.unknown",
    4120,
    en="There is no executor “{executor}”.",
    zh="没有名为“{executor}”的执行器。",
    hint_en="Choose one of: {known}.",
    hint_zh="请选择其中之一：{known}。",
    status=422,
)
UNAVAILABLE = define_error(
    "executor.unavailable",
    4121,
    en="The executor “{executor}” cannot be used here: {reason}",
    zh="此处无法使用执行器“{executor}”：{reason_zh}",
    hint_en="Choose another executor in the flow's settings, or ask whoever operates this installation.",
    hint_zh="请在流程设置中选择其他执行器，或联系本系统的管理员。",
    status=422,
)
NOT_MOVABLE = define_error(
    "executor.not_movable",
    4122,
    en="Node “{name}” cannot run on “{executor}”: {reason}",
    zh="节点“{name}”无法在“{executor}”上运行：{reason_zh}",
    hint_en="Remove the executor from this node's settings; it runs beside the run itself.",
    hint_zh="请从该节点的设置中去掉执行器，它会与运行本身在同一处执行。",
    status=422,
)
NODE_MISSING = define_error(
    "executor.node_missing",
    4123,
    en="The place where the node should run does not have “{type}” in version {version}: {reason}",
    zh="执行该节点的环境中没有“{type}”的 {version} 版本：{reason}",
    hint_en="Use an image (or installation) with the same release and the same plug-ins as the server.",
    hint_zh="请使用与服务器版本和插件一致的镜像（或安装）。",
    status=500,
)
NOT_A_VALUE = define_error(
    "executor.value",
    4124,
    en="A value cannot travel to another process: {what} at {place}.",
    zh="有一个值无法传送到其他进程：{place} 处的 {what}。",
    hint_en="Hand over texts, numbers, lists, objects, bytes or files.",
    hint_zh="请传递文本、数字、列表、对象、字节或文件。",
    status=422,
)
TOO_BIG = define_error(
    "executor.too_big",
    4125,
    en="A message of {size_mb} MB is too big to travel to another process; {limit_mb} MB is the limit.",
    zh="消息大小为 {size_mb} MB，超过了进程间传送的上限 {limit_mb} MB。",
    hint_en="Hand big contents over as files.",
    hint_zh="请以文件形式传递大内容。",
    status=413,
)
BAD_MESSAGE = define_error(
    "executor.bad_message",
    4126,
    en="The process that runs the node sent something that is no message: {reason}",
    zh="执行节点的进程发来了无法识别的消息：{reason}",
    status=502,
)
PROCESS_ENDED = define_error(
    "executor.process_ended",
    4127,
    en="The process that ran the node ended before the node did ({how}).",
    zh="执行节点的进程在节点完成之前就结束了（{how}）。",
    hint_en="The process has been replaced and other nodes are not affected; its last words are in the log.",
    hint_zh="该进程已被替换，其他节点不受影响；其最后输出的内容见服务器日志。",
    status=502,
    retryable=True,
)
OUT_OF_MEMORY = define_error(
    "executor.out_of_memory",
    4128,
    en="The node used more than the {limit_mb} MB of memory it may have and was stopped.",
    zh="节点使用的内存超过了允许的 {limit_mb} MB，已被停止。",
    hint_en="Give it less at once, or a larger share of memory.",
    hint_zh="请减少单次处理的数据量，或提高其内存配额。",
    status=507,
)
NOT_STARTED = define_error(
    "executor.not_started",
    4129,
    en="The process for the node could not be started: {reason}",
    zh="无法启动执行节点的进程：{reason}",
    status=503,
    retryable=True,
)
IMAGE = define_error(
    "executor.image",
    4130,
    en="The pod's image “{image}” cannot be used: {reason}",
    zh="无法使用 Pod 镜像“{image}”：{reason}",
    hint_en="Check the image's name and the cluster's access to its registry.",
    hint_zh="请检查镜像名称以及集群对镜像仓库的访问权限。",
    status=502,
)
NO_ROOM = define_error(
    "executor.no_room",
    4131,
    en="The cluster found no place for the node within {timeout_s} seconds: {reason}",
    zh="集群在 {timeout_s} 秒内未能为节点找到位置：{reason}",
    hint_en="Ask for less processor, memory or GPU, or let the cluster grow.",
    hint_zh="请减少对处理器、内存或 GPU 的要求，或扩充集群。",
    status=503,
    retryable=True,
)
EVICTED = define_error(
    "executor.evicted",
    4132,
    en="The cluster took the node's pod away: {reason}",
    zh="集群收回了节点的 Pod：{reason}",
    status=503,
    retryable=True,
)
CLUSTER = define_error(
    "executor.cluster",
    4133,
    en="The cluster cannot be used: {reason}",
    zh="无法使用集群：{reason}",
    hint_en="Check the address, the access rights and the namespace.",
    hint_zh="请检查地址、访问权限和命名空间。",
    status=502,
    retryable=True,
)
NOT_OFFERED = define_error(
    "executor.not_offered",
    4134,
    en="“{method}” is not available to a node that runs elsewhere.",
    zh="在其他位置运行的节点无法使用“{method}”。",
    status=400,
)
JOB_LOST = define_error(
    "executor.job_lost",
    4135,
    en="{claims} workers took this node and ended before it did.",
    zh="{claims} 个工作进程先后接手该节点，但都在其完成之前结束。",
    hint_en="The node probably takes its workers down, for example by using too much memory.",
    hint_zh="该节点可能导致工作进程崩溃，例如占用内存过多。",
    status=502,
)
NOBODY = define_error(
    "executor.nobody",
    4136,
    en="No worker serves the queue “{queue}”.",
    zh="没有工作进程处理队列“{queue}”。",
    hint_en="Start a worker for this queue, or give the node another resource class.",
    hint_zh="请为该队列启动一个工作进程，或更改节点的资源类别。",
    status=503,
    retryable=True,
)


def missing_extra(name: str) -> SageError:
    """The error for an executor whose library is not installed."""
    reason = f"the extra “{name}” of sage-studio is not installed."
    reason_zh = f"未安装 sage-studio 的“{name}”扩展。"
    return SageError(UNAVAILABLE, {"executor": name, "reason": reason, "reason_zh": reason_zh})
