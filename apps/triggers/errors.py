"""Codes of triggers (81xx)."""

from __future__ import annotations

from sage_studio.kernel import define_error

UNKNOWN = define_error(
    "trigger.unknown",
    8100,
    status=404,
    en="There is no trigger at this address.",
    zh="此地址没有对应的触发器。",
    hint_en="Copy the address from the trigger's settings in the editor.",
    hint_zh="请从编辑器中触发器的设置里复制地址。",
)
NOT_PUBLISHED = define_error(
    "trigger.not_published",
    8101,
    status=404,
    en="The flow is not published with this trigger.",
    zh="该流程尚未发布包含此触发器的版本。",
    hint_en="Publish a version of the flow, or use the test address while the editor listens.",
    hint_zh="请发布流程的一个版本；编辑器监听时也可以使用测试地址。",
)
PAUSED = define_error(
    "trigger.paused",
    8102,
    status=409,
    en="The trigger is paused.",
    zh="触发器已暂停。",
    hint_en="An owner of the workspace can switch it on again.",
    hint_zh="工作区所有者可以重新启用它。",
)
NOT_LISTENING = define_error(
    "trigger.not_listening",
    8103,
    status=404,
    en="Nobody listens at the test address.",
    zh="当前没有人在监听测试地址。",
    hint_en="Press “Listen for a call” in the editor, then call again.",
    hint_zh="请先在编辑器中点击“监听一次调用”，然后重新请求。",
)
NOT_ALLOWED = define_error(
    "trigger.not_allowed",
    8104,
    status=401,
    en="The call does not show that it may start this flow.",
    zh="该请求未通过调用方验证。",
    hint_en="Send the signature, key or password that the trigger asks for.",
    hint_zh="请附上触发器要求的签名、密钥或密码。",
)
TOO_OLD = define_error(
    "trigger.too_old",
    8105,
    status=401,
    en="The call was signed too long ago.",
    zh="该请求的签名时间已过期。",
    hint_en="Check the clock of the sender; a signature holds for five minutes.",
    hint_zh="请检查发送方的时钟；签名在五分钟内有效。",
)
NO_SECRET = define_error(
    "trigger.no_secret",
    8106,
    status=503,
    en="The trigger's credential cannot be used.",
    zh="触发器的凭据不可用。",
    hint_en="Choose a credential of the workspace in the trigger's settings, and publish again.",
    hint_zh="请在触发器设置中选择工作区的凭据并重新发布。",
)
BAD_SCHEDULE = define_error(
    "trigger.bad_schedule",
    8107,
    status=422,
    en="The schedule cannot be read: {reason}",
    zh="无法识别定时设置：{reason}",
    hint_en="Check the time, the time zone and the cron expression.",
    hint_zh="请检查时间、时区和 Cron 表达式。",
)
CHAIN = define_error(
    "trigger.chain",
    8108,
    status=422,
    en="Flows started one another {most} times in a row; this one was not started.",
    zh="流程之间已连续触发 {most} 次，本次未再启动。",
    hint_en="Let the trigger name one flow, so that flows do not start each other in a circle.",
    hint_zh="请让触发器指定某个流程，避免流程循环触发。",
)
CROWD = define_error(
    "trigger.crowd",
    8110,
    status=422,
    en="{most} runs have followed from one event; this one was not started.",
    zh="同一事件已引发 {most} 次运行，本次未再启动。",
    hint_en="Let the trigger name one flow, so that flows do not start each other in a circle.",
    hint_zh="请让触发器指定某个流程，避免流程循环触发。",
)
NOT_OF_FLOW = define_error(
    "trigger.not_of_flow",
    8109,
    status=404,
    en="The flow has no such trigger.",
    zh="流程中没有这个触发器。",
)
