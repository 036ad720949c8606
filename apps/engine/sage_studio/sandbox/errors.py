"""What can go wrong around code in the sandbox. Errors of the code itself are ``sandbox.code_failed``."""

from __future__ import annotations

from sage_studio.kernel import define_error

BUBBLEWRAP_HINT_EN = (
    "Install bubblewrap (Debian and Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap; Alpine: "
    "apk add bubblewrap) and restart. In a container, allow user namespaces or run it with CAP_SYS_ADMIN."
)
BUBBLEWRAP_HINT_ZH = (
    "请安装 bubblewrap（Debian/Ubuntu：apt install bubblewrap；Fedora：dnf install bubblewrap；"
    "Alpine：apk add bubblewrap）"
    "并重启服务。在容器中请允许用户命名空间，或赋予 CAP_SYS_ADMIN。"
)

WEAK = define_error(
    "sandbox.too_weak",
    3601,
    en="This program may only run in full isolation, which this machine does not offer: {reason}.",
    zh="该程序只能在完全隔离的环境中运行，而此机器不支持：{reason}。",
    hint_en=f"{BUBBLEWRAP_HINT_EN} An administrator may allow it without, by SAGE_SANDBOX_ALLOW_WEAK=true.",
    hint_zh=f"{BUBBLEWRAP_HINT_ZH} 管理员也可设置 SAGE_SANDBOX_ALLOW_WEAK=true 放行。",
    status=503,
)
BAD_SETTING = define_error(
    "sandbox.bad_setting",
    3602,
    en="{name} is “{value}”; it must be one of: {allowed}.",
    zh="{name} 的值为“{value}”，应为以下之一：{allowed}。",
    status=422,
)
CODE_FAILED = define_error(
    "sandbox.code_failed",
    3603,
    en="{place}{kind}: {message}{shown}",
    zh="{place_zh}{kind}：{message}{shown}",
    hint_en="{hint_en}",
    hint_zh="{hint_zh}",
    status=422,
)
TIMED_OUT = define_error(
    "sandbox.timed_out",
    3604,
    en="The code ran longer than {limit_s} s and was stopped.",
    zh="代码运行超过 {limit_s} 秒，已被终止。",
    hint_en="Look for a loop without an end, or raise the time limit in the node's settings.",
    hint_zh="请检查是否存在无法结束的循环，或在节点设置中提高时间限制。",
    status=422,
)
OUT_OF_MEMORY = define_error(
    "sandbox.out_of_memory",
    3605,
    en="The code needed more than {limit_mb} MB of memory.",
    zh="代码占用的内存超过 {limit_mb} MB。",
    hint_en="Work on fewer items at once (per item), or raise the memory limit in the node's settings.",
    hint_zh="请减少单次处理的数据量（逐项模式），或在节点设置中提高内存限制。",
    status=422,
)
TOO_LARGE = define_error(
    "sandbox.too_large",
    3606,
    en="The code gave {size_mb} MB; at most {limit_mb} MB may leave it at once.",
    zh="代码返回了 {size_mb} MB 数据，单次最多 {limit_mb} MB。",
    hint_en="Return less, or work per item so that results leave in batches.",
    hint_zh="请减少返回的数据，或使用逐项模式分批输出。",
    status=422,
)
NOT_JSON = define_error(
    "sandbox.not_json",
    3607,
    en="A value cannot cross between the flow and the code: {what}.",
    zh="有值无法在流程与代码之间传递：{what}。",
    hint_en="Numbers, texts, true and false, lists, objects, dates and bytes can.",
    hint_zh="可传递数字、文本、布尔值、列表、对象、日期和字节。",
    status=422,
)
CRASHED = define_error(
    "sandbox.crashed",
    3608,
    en="The code's process ended unexpectedly ({how}).",
    zh="运行代码的进程意外结束（{how}）。",
    hint_en="This call failed; the process is replaced and the next call is not affected.",
    hint_zh="本次调用失败；进程已被替换，后续调用不受影响。",
    status=422,
)
NOT_STARTED = define_error(
    "sandbox.not_started",
    3609,
    en="No process could be started to run the code in: {reason}.",
    zh="无法启动运行代码的进程：{reason}。",
    hint_en="See the server's log; outside the server it takes: pip install 'sage-studio[sandbox]'.",
    hint_zh="请查看服务器日志；需要安装 sandbox 附加包（pip install 'sage-studio[sandbox]'）。",
    status=503,
    retryable=True,
)
SOURCE_TOO_LONG = define_error(
    "sandbox.source_too_long",
    3610,
    en="The code is longer than {limit_kb} KB.",
    zh="代码长度超过 {limit_kb} KB。",
    status=422,
)
FULL_PYTHON_OFF = define_error(
    "sandbox.full_python_off",
    3611,
    en="Full Python is not switched on for this installation.",
    zh="此系统未启用完整 Python。",
    hint_en=f"An administrator switches it on by SAGE_FULL_PYTHON=true. {BUBBLEWRAP_HINT_EN}",
    hint_zh=f"管理员可通过 SAGE_FULL_PYTHON=true 启用。{BUBBLEWRAP_HINT_ZH}",
    status=422,
)
