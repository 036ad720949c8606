"""Why a request did not leave, or did not come back (33xx)."""

from __future__ import annotations

from sage_studio.kernel import define_error

BAD_URL = define_error(
    "http.bad_url",
    3301,
    en="“{url}” is not an address that can be called: {reason}.",
    zh="“{url}”不是可请求的网址：{reason}。",
    hint_en="Write the whole address, beginning with https:// or http://, without a name or password in it.",
    hint_zh="请填写完整网址，以 https:// 或 http:// 开头，且不含用户名或密码。",
    status=422,
)
REFUSED = define_error(
    "http.refused",
    3302,
    en="{host} lies in a network that flows may not reach.",
    zh="{host} 位于流程不允许访问的网络中。",
    hint_en="Only public addresses can be called. An administrator can allow private networks with "
    "SAGE_ALLOW_PRIVATE_NETWORK.",
    hint_zh="只能访问公网地址。管理员可用 SAGE_ALLOW_PRIVATE_NETWORK 允许内部网络。",
    status=422,
)
UNREACHABLE = define_error(
    "http.unreachable",
    3303,
    en="{host} cannot be reached: {reason}.",
    zh="无法连接 {host}：{reason}。",
    hint_en="Check the address; the other side may be down.",
    hint_zh="请检查网址；对方服务可能已停止。",
    status=502,
    retryable=True,
)
TIMEOUT = define_error(
    "http.timeout",
    3304,
    en="{host} did not answer within {timeout_s} s.",
    zh="{host} 在 {timeout_s} 秒内没有响应。",
    hint_en="Raise the time limit, or try again later.",
    hint_zh="请延长超时时间，或稍后重试。",
    status=504,
    retryable=True,
)
TOO_LARGE = define_error(
    "http.too_large",
    3305,
    en="The answer of {host} is larger than {limit_bytes} bytes.",
    zh="{host} 的响应超过 {limit_bytes} 字节。",
    hint_en="Raise the limit in the node, or ask the service for less.",
    hint_zh="请在节点中提高上限，或减少请求的数据量。",
    status=502,
)
REDIRECTS = define_error(
    "http.redirects",
    3306,
    en="{host} redirects more than {limit} times.",
    zh="{host} 的重定向超过 {limit} 次。",
    status=502,
)
BAD_HEADER = define_error(
    "http.bad_header",
    3307,
    en="The header “{name}” cannot be sent.",
    zh="无法发送请求头“{name}”。",
    hint_en="Headers that steer the connection are set by the client, and values may not hold line breaks.",
    hint_zh="控制连接的请求头由客户端设置；值中不能包含换行。",
    status=422,
)
BAD_ANSWER = define_error(
    "http.bad_answer",
    3308,
    en="The answer of {host} cannot be read: {reason}.",
    zh="无法读取 {host} 的响应：{reason}。",
    status=502,
)
ONCE_ONLY = define_error(
    "http.once_only",
    3309,
    en="What is sent as a stream cannot be {what}: it is there only once.",
    zh="以流方式发送的内容只能使用一次，无法被{what}。",
    hint_en="Send the whole content at once.",
    hint_zh="请一次性发送完整内容。",
    status=502,
)
