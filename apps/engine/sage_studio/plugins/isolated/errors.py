"""Codes of what can go wrong with code that is kept apart."""

from __future__ import annotations

from sage_studio.kernel import define_error

NO_ISOLATION = define_error(
    "plugin.no_isolation",
    4750,
    en="This plug-in brings code, and this machine has nothing to contain it: {reason}",
    zh="该插件带有代码，而本机没有可用于隔离的手段：{reason_zh}",
    hint_en="Ask whoever operates this installation to install bubblewrap and to allow user namespaces.",
    hint_zh="请联系本系统的管理员安装 bubblewrap 并允许用户命名空间。",
    status=503,
)
NOT_DESCRIBED = define_error(
    "plugin.not_described",
    4751,
    en="The plug-in cannot be loaded: {reason}",
    zh="无法加载该插件：{reason}",
    hint_en="Try it with “sage-studio plugin test” and have its author mend it.",
    hint_zh="请用“sage-studio plugin test”检查该插件，并请作者修复。",
    status=422,
)
TOO_SLOW = define_error(
    "plugin.too_slow",
    4752,
    en="The plug-in did not answer within {limit_s} seconds and was stopped.",
    zh="插件在 {limit_s} 秒内没有响应，已被停止。",
    status=422,
)
TOO_MUCH = define_error(
    "plugin.too_much",
    4753,
    en="The plug-in describes itself with more than {limit_kb} KB.",
    zh="插件的自我描述超过了 {limit_kb} KB。",
    status=422,
)
HOST_NOT_CONSENTED = define_error(
    "plugin.host_not_consented",
    4754,
    en="The plug-in “{plugin}” may not talk to {host}: nobody consented to it.",
    zh="插件“{plugin}”不得访问 {host}：未获同意。",
    hint_en="Its author has to name the host in the plug-in's permissions; an owner consents when updating.",
    hint_zh="插件作者须在权限清单中写明该主机，并由所有者在更新时同意。",
    status=403,
)
NOT_CONSENTED = define_error(
    "plugin.not_consented",
    4755,
    en="The plug-in “{plugin}” may not do this ({what}): its permissions do not name it.",
    zh="插件“{plugin}”不得执行此操作（{what}）：其权限清单中没有该项。",
    hint_en="Its author has to name it in the plug-in's permissions; an owner consents when updating.",
    hint_zh="插件作者须在权限清单中写明，并由所有者在更新时同意。",
    status=403,
)
TOO_MANY_STREAMS = define_error(
    "plugin.too_many_streams",
    4756,
    en="{limit} nodes of the plug-in “{plugin}” work on streams at this moment, and more cannot.",
    zh="插件“{plugin}”正有 {limit} 个节点在处理数据流，无法再增加。",
    hint_en="Try again later, or let the flow run without streams.",
    hint_zh="请稍后重试，或将流程改为非流式运行。",
    status=503,
    retryable=True,
)
