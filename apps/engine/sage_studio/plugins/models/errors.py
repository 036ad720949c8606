"""What goes wrong between a node and a model (321x and 36xx)."""

from __future__ import annotations

from sage_studio.kernel import define_error

NO_MODEL = define_error(
    "llm.no_model",
    3211,
    en="No language model is configured.",
    zh="尚未配置语言模型。",
    hint_en="Choose a credential in the node, ask the administrator to set ANTHROPIC_API_KEY, or use "
    "“Answer by quoting”, which needs no model.",
    hint_zh="请在节点中选择凭据，或请管理员设置 ANTHROPIC_API_KEY；也可改用无需模型的“引用式回答”节点。",
    status=422,
)
NOT_INSTALLED = define_error(
    "llm.not_installed",
    3212,
    en="The package for language models is not installed.",
    zh="未安装语言模型所需的软件包。",
    hint_en="Install it with: pip install 'sage-studio[models]'",
    hint_zh="请执行：pip install 'sage-studio[models]'",
    status=500,
)
REFUSED = define_error(
    "llm.refused",
    3213,
    en="The model service refused the request: {reason}",
    zh="模型服务拒绝了请求：{reason}",
    hint_en="Check the key, the model's name and the length of the prompt.",
    hint_zh="请检查密钥、模型名称以及提示词长度。",
    status=502,
)
BUSY = define_error(
    "llm.busy",
    3214,
    en="The model service is busy or out of reach: {reason}",
    zh="模型服务繁忙或无法连接：{reason}",
    hint_en="Try again in a while.",
    hint_zh="请稍后重试。",
    status=503,
    retryable=True,
)
BROKEN_OFF = define_error(
    "llm.broken_off",
    3215,
    en="The model's answer broke off: {reason}",
    zh="模型的回答中途中断：{reason}",
    hint_en="Try again; what was written so far is paid for.",
    hint_zh="请重试；已生成的部分仍会计费。",
    status=502,
    retryable=True,
)
BAD_ANSWER = define_error(
    "llm.bad_answer",
    3216,
    en="The model service answered with something that cannot be read: {reason}",
    zh="模型服务返回了无法读取的内容：{reason}",
    hint_en="Check that the address belongs to a service that speaks this protocol.",
    hint_zh="请确认该地址的服务使用此协议。",
    status=502,
)
TOO_SLOW = define_error(
    "llm.too_slow",
    3217,
    en="The model service did not finish within {timeout_s} s.",
    zh="模型服务未能在 {timeout_s} 秒内完成。",
    hint_en="Raise the node's time limit, or ask for a shorter answer.",
    hint_zh="请延长节点的时间限制，或缩短回答长度。",
    status=504,
    retryable=True,
)
NO_MODEL_NAME = define_error(
    "llm.no_model_name",
    3218,
    en="This service needs the name of a model.",
    zh="该服务需要指定模型名称。",
    hint_en="Fill in the field “Model”, for example with the name the service lists.",
    hint_zh="请填写“模型”字段，例如该服务列出的模型名称。",
    status=422,
)
NOT_IN_SHAPE = define_error(
    "llm.not_in_shape",
    3219,
    en="The model's answer does not fit the schema, also after it was asked again: {reason}",
    zh="模型的回答在再次询问后仍不符合结构要求：{reason}",
    hint_en="Simplify the schema, allow more tokens, or choose a stronger model.",
    hint_zh="请简化结构、提高词元上限，或选用更强的模型。",
    status=502,
)
BAD_SCHEMA = define_error(
    "llm.bad_schema",
    3220,
    en="The schema cannot be used: {reason}",
    zh="无法使用该结构定义：{reason}",
    hint_en="Write a JSON Schema of an object, without references to other documents.",
    hint_zh="请填写对象类型的 JSON Schema，且不要引用其他文档。",
    status=422,
)
