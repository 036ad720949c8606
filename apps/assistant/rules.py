"""Diagnosis by rules: from an error to a cause and what to do.

Rules are tried in order and the first that matches speaks, so specific ones stand before general
ones. They look at the stable error code first and at the words of the message only where a
third party (a server, an operating system) wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from sage_studio.flow import FlowNode
from sage_studio.kernel import JsonObject
from sage_studio.kernel.errors import Problem, Text

PatchMaker = Callable[[FlowNode], JsonObject | None]


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do, with the change that would do it where one is safe to propose."""

    text: Text
    patch: PatchMaker | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """``codes`` are prefixes of error codes; ``words`` is looked for in message and details."""

    name: str
    cause: Text
    confidence: float
    codes: tuple[str, ...] = ()
    words: re.Pattern[str] | None = None
    advice: tuple[Advice, ...] = field(default=())


def _text(en: str, zh: str) -> Text:
    return Text(en=en, zh=zh)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _patch(node: FlowNode, summary: str, operations: list[JsonObject]) -> JsonObject:
    return {"schema": "sage-studio/patch@1", "base": None, "summary": summary, "operations": list(operations)}


def _add_retry(node: FlowNode) -> JsonObject | None:
    if node.retry is not None and node.retry.count > 0:
        return None
    retry: JsonObject = {"count": 3, "delay_s": 2.0, "backoff": 2.0, "jitter": 0.1}
    operation: JsonObject = {
        "op": "set",
        "node": node.id,
        "path": ["retry"],
        "value": retry,
        "source": "rule",
    }
    return _patch(node, f"Retry {node.name or node.id} three times", [operation])


def _double_timeout(node: FlowNode) -> JsonObject | None:
    value = (node.timeout_s or 300.0) * 2
    operation: JsonObject = {
        "op": "set",
        "node": node.id,
        "path": ["timeout_s"],
        "value": value,
        "was": node.timeout_s,
        "source": "rule",
    }
    return _patch(node, f"Give {node.name or node.id} {value:g} s", [operation])


_RETRY = Advice(
    _text(
        "Let the node try again by itself: three times, with growing pauses.",
        "让节点自动重试三次，间隔逐次加长。",
    ),
    _add_retry,
)

RULES: tuple[Rule, ...] = (
    Rule(
        "model_missing",
        codes=("llm.no_model", "llm.not_installed"),
        confidence=0.95,
        cause=_text("The node needs a model, and none is configured.", "该节点需要调用模型，但尚未配置。"),
        advice=(
            Advice(
                _text(
                    "Set ANTHROPIC_API_KEY for the server, or choose a credential in the node.",
                    "为服务器设置 ANTHROPIC_API_KEY，或在节点中选择凭据。",
                )
            ),
            Advice(
                _text(
                    "Use the Extractive answer node: it quotes the passages and needs no model.",
                    "改用“摘录回答”节点：它直接引用原文，不需要模型。",
                )
            ),
        ),
    ),
    Rule(
        "credential_missing",
        codes=("credential.unknown", "credential.unreadable"),
        confidence=0.95,
        cause=_text(
            "The credential the node names is not in this workspace, or cannot be read.",
            "节点引用的凭据不在此工作区，或无法读取。",
        ),
        advice=(
            Advice(
                _text(
                    "An owner can create it under Credentials; then choose it in the node.",
                    "请所有者在“凭据”页创建，然后在节点中选择。",
                )
            ),
        ),
    ),
    Rule(
        "credential_host",
        codes=("credential.host_not_allowed", "credential.only_by_http"),
        confidence=0.95,
        cause=_text("The credential may not be sent to this host.", "该凭据不允许发送到此主机。"),
        advice=(
            Advice(
                _text(
                    "Check the address; if it is meant, an owner adds the host to the credential.",
                    "检查地址；如确需访问，请所有者把该主机加入凭据的允许列表。",
                )
            ),
        ),
    ),
    Rule(
        "credential_refused",
        codes=("http_request.status", "llm.refused"),
        words=_words(r"\b(401|403)\b|unauthori[sz]ed|forbidden|authenticat|api.?key"),
        confidence=0.9,
        cause=_text("The server refused the credential.", "服务器拒绝了凭据。"),
        advice=(
            Advice(
                _text(
                    "Check that the key is still valid and may do this.", "检查密钥是否有效、权限是否足够。"
                )
            ),
            Advice(_text("Choose another credential in the node.", "在节点中选择其他凭据。")),
        ),
    ),
    Rule(
        "address_private",
        codes=("http.refused",),
        confidence=0.95,
        cause=_text(
            "The address is inside a private network, which flows may not reach.",
            "该地址位于私有网络，流程默认不可访问。",
        ),
        advice=(
            Advice(_text("Check the address for a mistake.", "检查地址是否有误。")),
            Advice(
                _text(
                    "If it is meant, an administrator allows the range with SAGE_ALLOW_PRIVATE_NETWORK.",
                    "如确需访问，管理员可通过 SAGE_ALLOW_PRIVATE_NETWORK 放行该网段。",
                )
            ),
        ),
    ),
    Rule(
        "name_unknown",
        codes=("http.unreachable", "node.io", "http.bad_url"),
        words=_words(r"name|getaddrinfo|resolve|dns|no address"),
        confidence=0.9,
        cause=_text("The host name does not exist.", "主机名不存在。"),
        advice=(Advice(_text("Check the address for a typing mistake.", "检查地址是否有拼写错误。")),),
    ),
    Rule(
        "connection_refused",
        codes=("http.unreachable", "node.io", "llm.busy"),
        words=_words(r"refused|ECONNREFUSED|unreachable|no route|reset"),
        confidence=0.9,
        cause=_text(
            "Nothing answers at that address: the service is not running or the port is wrong.",
            "该地址没有响应：服务未启动，或端口有误。",
        ),
        advice=(
            Advice(
                _text(
                    "Start the service, or correct host and port in the node.",
                    "启动该服务，或在节点中更正主机和端口。",
                )
            ),
            _RETRY,
        ),
    ),
    Rule(
        "rate_limited",
        codes=("http_request.status", "llm.busy", "llm.refused"),
        words=_words(r"\b(429|529)\b|too many requests|rate.?limit|overloaded"),
        confidence=0.9,
        cause=_text("The server asks for fewer requests.", "服务器要求降低请求频率。"),
        advice=(_RETRY,),
    ),
    Rule(
        "not_found",
        codes=("http_request.status",),
        words=_words(r"\b(404|410)\b"),
        confidence=0.85,
        cause=_text("The server has nothing at this address.", "服务器在该地址没有内容。"),
        advice=(Advice(_text("Check the path of the address.", "检查地址中的路径。")),),
    ),
    Rule(
        "server_error",
        codes=("http_request.status", "llm.busy"),
        words=_words(r"\b5\d\d\b"),
        confidence=0.75,
        cause=_text("The server itself failed; this often passes.", "对方服务器出错，通常是暂时的。"),
        advice=(_RETRY,),
    ),
    Rule(
        "timeout",
        codes=("http.timeout", "node.timeout", "run.timeout"),
        confidence=0.9,
        cause=_text("The work was not finished in the time it was given.", "未能在规定时间内完成。"),
        advice=(
            Advice(_text("Give the node twice the time.", "将节点的时限加倍。"), _double_timeout),
            Advice(_text("Give it less to do at once.", "减少单次处理的数据量。")),
        ),
    ),
    Rule(
        "expression_wrong",
        codes=("expression.",),
        confidence=0.9,
        cause=_text(
            "An expression in the node's settings cannot be evaluated.", "节点设置中的表达式无法求值。"
        ),
        advice=(
            Advice(
                _text(
                    "Open the node: the place in the field is marked. Compare it with the node's input.",
                    "打开该节点：出错的位置已标出，请对照节点收到的输入检查。",
                )
            ),
        ),
    ),
    Rule(
        "pdf_password",
        codes=("pdf.password",),
        confidence=0.95,
        cause=_text("The PDF is protected by a password.", "该 PDF 受密码保护。"),
        advice=(Advice(_text("Enter the password in the node's settings.", "在节点设置中填写密码。")),),
    ),
    Rule(
        "file_gone",
        codes=("file.gone", "blob.gone", "file.no_sample"),
        confidence=0.95,
        cause=_text("The file was deleted after the flow was set up.", "文件在流程设置之后被删除。"),
        advice=(Advice(_text("Upload it again and choose it in the node.", "重新上传，并在节点中选择。")),),
    ),
    Rule(
        "file_wrong",
        codes=("file.", "docx.", "pdf."),
        confidence=0.85,
        cause=_text("The file cannot be read as what it claims to be.", "无法按文件所声称的类型读取其内容。"),
        advice=(
            Advice(
                _text(
                    "Open the file yourself; upload it again in the right format.",
                    "自行打开文件确认，并以正确的格式重新上传。",
                )
            ),
        ),
    ),
    Rule(
        "vectors_differ",
        codes=("vectors.", "vector_writer.", "embedder."),
        confidence=0.85,
        cause=_text("The vectors do not fit the collection they go to.", "向量与目标集合不匹配。"),
        advice=(
            Advice(
                _text(
                    "Use the same embedding model everywhere, or write into a new collection.",
                    "全程使用同一个嵌入模型，或写入新的集合。",
                )
            ),
        ),
    ),
    Rule(
        "data_wrong",
        codes=("node.not_a_list", "node.item_failed", "merge.not_objects", "data_group."),
        confidence=0.8,
        cause=_text(
            "The data that arrived has another form than the node expects.",
            "到达的数据与节点期望的格式不同。",
        ),
        advice=(
            Advice(
                _text(
                    "Look at the output of the node before it, and adapt the field or the connection.",
                    "查看上一个节点的输出，并调整字段或连线。",
                )
            ),
        ),
    ),
    Rule(
        "outcome_unknown",
        codes=("run.outcome_unknown",),
        confidence=0.95,
        cause=_text(
            "A worker stopped while this node was changing something outside; it may have happened.",
            "执行器在该节点产生外部影响时中断，操作可能已经完成。",
        ),
        advice=(
            Advice(
                _text("Look at the outside system, then decide to retry.", "先查看外部系统，再决定是否重试。")
            ),
        ),
    ),
    Rule(
        "settings_wrong",
        codes=(
            "node.bad_setting",
            "run.input_missing",
            "run.flow_",
            "text_splitter.",
            "file_reader.",
            "pdf_parser.",
        ),
        confidence=0.8,
        cause=_text(
            "A setting or an input is missing or has the wrong form.", "设置或输入缺失，或格式不正确。"
        ),
        advice=(
            Advice(
                _text(
                    "Open the node and correct the field the error names.", "打开节点并更正错误所指的字段。"
                )
            ),
        ),
    ),
)

FALLBACK = Rule(
    "unknown",
    confidence=0.3,
    cause=_text(
        "No rule knows this error; its own words say the most.", "没有规则匹配此错误，请以错误信息本身为准。"
    ),
    advice=(
        Advice(
            _text(
                "Read the error and the node's log, then run again from the start.",
                "查看错误信息和节点日志，再从头运行。",
            )
        ),
    ),
)


def rule_for(error: Problem) -> Rule:
    """The first rule that fits an error; ``FALLBACK`` when none does."""
    words = f"{error.get('message', '')} {error.get('details', '')}"
    return next((rule for rule in RULES if _fits(rule, str(error.get("code", "")), words)), FALLBACK)


def _fits(rule: Rule, code: str, words: str) -> bool:
    if rule.codes and not code.startswith(rule.codes):
        return False
    return rule.words is None or rule.words.search(words) is not None
