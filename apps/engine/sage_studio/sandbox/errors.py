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
