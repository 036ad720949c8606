"""What can be wrong with an expression, each with its place in the text."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from sage_studio.kernel import ErrorCode, Json, SageError, define_error

SYNTAX = define_error(
    "expression.syntax", 2201, status=422,
    en="The expression breaks off at character {position}: {reason}.",
    zh="表达式在第 {position} 个字符处出错：{reason_zh}。",
    hint_en="Compare with {{{{ node.port[0].text }}}}.", hint_zh="可参考 {{{{ node.port[0].text }}}}。",
)  # fmt: skip
UNCLOSED = define_error(
    "expression.unclosed", 2202, status=422,
    en="The “{{{{” at character {position} has no “}}}}”.",
    zh="第 {position} 个字符处的 “{{{{” 没有对应的 “}}}}”。",
    hint_en="Close it, or write \\{{{{ when the braces are meant as text.",
    hint_zh="请补全，或在需要原样显示大括号时写作 \\{{{{。",
)  # fmt: skip
UNKNOWN_NAME = define_error(
    "expression.unknown_name", 2203, status=422,
    en="“{name}” names nothing here.{suggestion}", zh="“{name}” 在此处不存在。{suggestion_zh}",
    hint_en="Use the id of a node before this one, inputs, flow, run or vars.",
    hint_zh="可使用前面节点的 id，或 inputs、flow、run、vars。",
)  # fmt: skip
UNKNOWN_METHOD = define_error(
    "expression.unknown_method", 2204, status=422,
    en="{kind} has no function “{name}”.{suggestion}", zh="{kind_zh}没有函数 “{name}”。{suggestion_zh}",
    hint_en="The reference lists every function.", hint_zh="所有可用函数见参考手册。",
)  # fmt: skip
NULL_ACCESS = define_error(
    "expression.null_access", 2205, status=422,
    en="“{base}” is empty, so “{name}” cannot be read from it (character {position}).",
    zh="“{base}” 为空，无法读取 “{name}”（第 {position} 个字符）。",
    hint_en="Write ?. to get nothing instead, and ?? for a default: a?.b ?? \"\".",
    hint_zh="可用 ?. 在为空时得到空值，用 ?? 给出默认值：a?.b ?? \"\"。",
)  # fmt: skip
WRONG_KIND = define_error(
    "expression.type", 2206, status=422,
    en="“{name}” needs {expected}, not {found} (character {position}).",
    zh="“{name}” 需要{expected_zh}，而不是{found_zh}（第 {position} 个字符）。",
    hint_en="Check what the value is in the last run.", hint_zh="请在最近一次运行中查看该值。",
)  # fmt: skip
UNSUPPORTED = define_error(
    "expression.unsupported", 2207, status=422,
    en="{what} cannot be used in an expression (character {position}).",
    zh="表达式中不能使用{what_zh}（第 {position} 个字符）。",
    hint_en="Use a function node for programs.", hint_zh="如需编写程序，请使用函数节点。",
)  # fmt: skip
BUDGET = define_error(
    "expression.budget", 2208, status=422,
    en="The expression was stopped: it needs more than {limit} steps.",
    zh="表达式已被终止：所需步骤超过 {limit}。",
    hint_en="Filter the data in a node first.", hint_zh="请先用节点筛选数据。",
)  # fmt: skip
TOO_LARGE = define_error(
    "expression.too_large", 2209, status=422,
    en="The result would be longer than {limit} characters.", zh="结果将超过 {limit} 个字符。",
    hint_en="Write large results with a file node.", hint_zh="请使用文件节点写出较大的结果。",
)  # fmt: skip
TOO_LONG = define_error(
    "expression.too_long", 2210, status=422,
    en="The expression is longer than {limit} characters.", zh="表达式超过 {limit} 个字符。",
    hint_en="Use a function node for programs.", hint_zh="如需编写程序，请使用函数节点。",
)  # fmt: skip
TOO_DEEP = define_error(
    "expression.too_deep", 2211, status=422,
    en="The expression nests more than {limit} levels deep.", zh="表达式嵌套超过 {limit} 层。",
    hint_en="Split it over several fields.", hint_zh="请拆分到多个字段。",
)  # fmt: skip
BAD_VALUE = define_error(
    "expression.value", 2212, status=422,
    en="“{name}” cannot use this value: {reason} (character {position}).",
    zh="“{name}” 无法使用该值：{reason_zh}（第 {position} 个字符）。",
    hint_en="Check what the value is in the last run.", hint_zh="请在最近一次运行中查看该值。",
)  # fmt: skip
FAILED = define_error(
    "expression.failed", 2213, status=422,
    en="{kind}: {message} (character {position}).", zh="{kind}：{message}（第 {position} 个字符）。",
    hint_en="{hint_en}", hint_zh="{hint_zh}",
)  # fmt: skip
NOT_HERE = define_error(
    "expression.not_here", 2214, status=422,
    en="{what} needs the JavaScript sandbox, which this field cannot use (character {position}).",
    zh="{what_zh}需要 JavaScript 沙箱，而此字段无法使用沙箱（第 {position} 个字符）。",
    hint_en="Compute it in a node before this one (“Map” for items, “JavaScript function” for one value) and "
    "read its output here.",
    hint_zh="请在前面的节点中计算（逐项用“转换数据”，单个值用“JavaScript 函数”），再在此处读取其输出。",
)  # fmt: skip


class ExpressionError(SageError):
    """A fault of an expression; ``facts["position"]`` counts characters of the template from 1."""


def fault(code: ErrorCode, at: int, **facts: Json) -> ExpressionError:
    """The error ``code`` at offset ``at`` (from 0) of the template."""
    return ExpressionError(code, {"position": at + 1, **facts})


def unsupported(what: str, what_zh: str, at: int) -> ExpressionError:
    return fault(UNSUPPORTED, at, what=what, what_zh=what_zh)


def suggestion(name: str, known: Iterable[str]) -> dict[str, Json]:
    """``suggestion`` texts naming the closest known name, empty when nothing is close."""
    close = difflib.get_close_matches(name, [str(item) for item in known], n=1, cutoff=0.6)
    if not close:
        return {"suggestion": "", "suggestion_zh": ""}
    return {
        "suggestion": f" Did you mean “{close[0]}”?",
        "suggestion_zh": f"是否想写 “{close[0]}”？",
        "close": close[0],
    }
