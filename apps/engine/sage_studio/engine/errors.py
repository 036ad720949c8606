"""Codes of what can go wrong while a flow is planned or run."""

from __future__ import annotations

from sage_studio.kernel import SageError, define_error

CYCLE = define_error(
    "flow.not_runnable_cycle",
    4001,
    en="These nodes wait for each other and can never start: {nodes}.",
    zh="这些节点互相等待，永远无法开始：{nodes}。",
    hint_en="Remove one of the connections (or expressions) that close the circle.",
    hint_zh="请删除构成环的任意一条连线（或表达式引用）。",
    status=422,
)
UNKNOWN_TYPE = define_error(
    "flow.not_runnable_type",
    4002,
    en="Node “{name}” has the type “{type}”, which is not installed here.",
    zh="节点“{name}”的类型“{type}”在此处未安装。",
    hint_en="Install the plug-in that brings it, or remove or disable the node.",
    hint_zh="请安装提供该类型的插件，或删除、停用该节点。",
    status=422,
)
DANGLING_EDGE = define_error(
    "flow.not_runnable_edge",
    4003,
    en="A connection leads from or to a node that does not exist: {edge}.",
    zh="有一条连线的起点或终点节点不存在：{edge}。",
    hint_en="Remove the connection or draw it again.",
    hint_zh="请删除该连线或重新连接。",
    status=422,
)
NODE_CRASHED = define_error(
    "node.crashed",
    4010,
    en="The node stopped on an unexpected {kind}: {message}",
    zh="节点因意外的 {kind} 停止：{message}",
    hint_en="This is a fault in the node's own code, not in your flow. Its author needs the run's log.",
    hint_zh="这是节点代码本身的缺陷，并非流程的问题。请把运行日志交给节点作者。",
    status=500,
)
NODE_TIMEOUT = define_error(
    "node.timeout",
    4011,
    en="The node did not finish within {timeout_s} seconds.",
    zh="节点未能在 {timeout_s} 秒内完成。",
    hint_en="Give it more time in the node's settings, or less work.",
    hint_zh="请在节点设置中延长超时时间，或减少其工作量。",
    status=504,
    retryable=True,
)
NODE_UNREACHABLE = define_error(
    "node.io",
    4012,
    en="The node could not reach what it needs: {message}",
    zh="节点无法访问所需的资源：{message}",
    status=502,
    retryable=True,
)
BAD_OUTPUT = define_error(
    "node.bad_output",
    4013,
    en="The node returned {kind} instead of a mapping of its output ports.",
    zh="节点返回了 {kind}，而不是输出端口的映射。",
    hint_en='Its run function must return a dictionary such as {{"text": …}}.',
    hint_zh='其 run 函数必须返回形如 {{"text": …}} 的字典。',
    status=500,
)
FLOW_TIMEOUT = define_error(
    "run.timeout",
    4020,
    en="The run did not finish within {timeout_s} seconds.",
    zh="运行未能在 {timeout_s} 秒内完成。",
    hint_en="Raise the flow's time limit or look for the node that takes long.",
    hint_zh="请提高流程的时间上限，或找出耗时的节点。",
    status=504,
)
OUTCOME_UNKNOWN = define_error(
    "run.outcome_unknown",
    4021,
    en="The worker stopped while this node was at work, so nobody knows whether its effect happened.",
    zh="工作进程在该节点执行期间停止，无法确定其效果是否已经发生。",
    hint_en="Check the outside system, then retry the run to repeat this node, or cancel the run.",
    hint_zh="请检查外部系统，然后重试运行以再次执行该节点，或取消运行。",
    status=409,
)
WORKER_LOST = define_error(
    "run.worker_lost",
    4022,
    en="The worker stopped while this attempt was under way; another one took the run over.",
    zh="本次尝试进行中工作进程停止，已由另一个工作进程接管。",
    status=503,
    retryable=True,
)
FENCE_LOST = define_error(
    "run.fence_lost",
    4023,
    en="Another worker has taken this run over; what this one still had to say was refused.",
    zh="该运行已被另一个工作进程接管，当前进程的后续写入被拒绝。",
    status=409,
)
MISSING_INPUT = define_error(
    "run.input_missing",
    4024,
    en="The flow needs a value for “{name}”.",
    zh="流程需要“{name}”的值。",
    hint_en="Give it when you start the run, or set a default in the flow's inputs.",
    hint_zh="请在启动运行时填写，或在流程输入中设置默认值。",
    status=422,
)

INPUT_TYPE = define_error(
    "run.input_type",
    4057,
    en="The flow's input “{name}” takes {expected}, not {given}.",
    zh="流程输入“{name}”需要 {expected}，而不是 {given}。",
    hint_en="The flow's inputs say what each one takes.",
    hint_zh="流程的输入设置中说明了每个输入的类型。",
    status=422,
)


OUTWARD_EDGE = define_error(
    "flow.not_runnable_outward",
    4030,
    en="The connection {edge} leads out of the container “{container}”.",
    zh="连线 {edge} 从容器“{container}”内部通向外部。",
    hint_en="Connect the node inside to the container's own result, and the container to what comes after.",
    hint_zh="请将容器内的节点连接到容器自身的结果端口，再由容器连接后续节点。",
    status=422,
)
NO_CONTAINER = define_error(
    "flow.not_runnable_parent",
    4031,
    en="“{node}” lies inside “{parent}”, which is not a container.",
    zh="“{node}” 位于“{parent}”之内，但后者不是容器。",
    hint_en="Move it out, or into a loop, a map or a try container.",
    hint_zh="请将其移出，或移入循环、映射或异常捕获容器。",
    status=422,
)
TOO_DEEP = define_error(
    "flow.not_runnable_depth",
    4032,
    en="Containers are nested more than {most} deep, or inside one another in a circle.",
    zh="容器嵌套超过 {most} 层，或相互嵌套成环。",
    hint_en="Move some of the nodes into a flow of their own and call it.",
    hint_zh="请将部分节点移入独立的流程，再通过子流程调用。",
    status=422,
)
PATH_TOO_LONG = define_error(
    "flow.not_runnable_path",
    4039,
    en="The containers around and including “{node}” have such long ids that their rounds cannot be named: "
    "{most} characters in all are too few.",
    zh="“{node}”及其外层容器的编号过长，无法为各轮次命名（总长上限 {most} 个字符）。",
    hint_en="Give the containers shorter ids, or nest them less deep.",
    hint_zh="请缩短容器的编号，或减少嵌套层数。",
    status=422,
)
NOT_IN_LOOP = define_error(
    "node.not_in_loop",
    4033,
    en="There is no loop around this node that it could leave.",
    zh="该节点外层没有可以退出的循环。",
    hint_en="Put it inside a loop, or let it end the run.",
    hint_zh="请将其放入循环内，或改为结束整个运行。",
    status=422,
)
NO_BODY = define_error(
    "node.no_body",
    4034,
    en="This node has no section “{section}” to run.",
    zh="该节点没有可运行的部分“{section}”。",
    status=422,
)
WAIT_EXPIRED = define_error(
    "node.wait_expired",
    4035,
    en="Nobody answered within {timeout_s} seconds.",
    zh="在 {timeout_s} 秒内没有收到响应。",
    hint_en="Give it more time, or handle the case with the node's error port.",
    hint_zh="请延长等待时间，或通过节点的错误端口处理该情况。",
    status=504,
)
DEAD_LETTER = define_error(
    "run.dead_letter",
    4036,
    en="The worker stopped {times} times while this node was at work; it is not tried again by itself.",
    zh="该节点执行期间工作进程已停止 {times} 次，不再自动重试。",
    hint_en="Look for what takes the worker down (memory above all), then resume or cancel the run.",
    hint_zh="请查明导致工作进程停止的原因（尤其是内存），然后恢复或取消运行。",
    status=500,
)
CHILD_CANCELLED = define_error(
    "flow.child_cancelled",
    4037,
    en="The flow that was called was cancelled.",
    zh="被调用的流程已被取消。",
    status=409,
)
NO_FLOWS = define_error(
    "flow.no_flows_here",
    4038,
    en="There is no other flow “{ref}” here that could be called.",
    zh="此处没有可调用的流程“{ref}”。",
    hint_en="Choose a flow of this workspace.",
    hint_zh="请选择本工作区中的流程。",
    status=404,
)

BUDGET_REACHED = define_error(
    "budget.reached",
    4190,
    en="The next step costs up to {next}, and {left} of the budget is left.",
    zh="下一步最多需要 {next}，而预算只剩 {left}。",
    hint_en="Raise the run's budget to go on at this step, or cancel the run. Nothing that is done is lost.",
    hint_zh="提高本次运行的预算即可从这一步继续，也可以取消运行。已完成的结果不会丢失。",
    status=402,
)
BUDGET_NO_PRICE = define_error(
    "budget.no_price",
    4191,
    en="The flow has a budget, and nobody knows what the model “{model}” costs.",
    zh="流程设有预算，但不知道模型“{model}”的价格。",
    hint_en="Enter its price in the workspace's settings, then resume the run.",
    hint_zh="请在工作区设置中填写该模型的价格，然后继续运行。",
    status=422,
)
BUDGET_CURRENCY = define_error(
    "budget.currency",
    4192,
    en="The budget is in {budget}, but this costs {price}.",
    zh="预算使用 {budget}，而该费用以 {price} 计。",
    hint_en="Enter the model's price in the budget's currency, or give the budget in the other one.",
    hint_zh="请以预算的货币填写模型价格，或改用另一种货币设置预算。",
    status=422,
)


class FenceLost(SageError):
    """Raised by a store when the run belongs to another worker by now; nothing was written."""

    def __init__(self, run_id: str) -> None:
        super().__init__(FENCE_LOST, {"run_id": run_id})
