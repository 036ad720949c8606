"""Diagnosis by rules: from an error and the node it came from to a cause and what to do.

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
    node_types: tuple[str, ...] = ()
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
        "model_key_missing",
        codes=("llm.", "credential.missing"),
        confidence=0.95,
        words=_words(r"no (model|api|key)|not configured|api[_ ]key|credential"),
        cause=_text(
            "The node needs a model, and no key is configured.", "该节点需要调用模型，但尚未配置密钥。"
        ),
        advice=(
            Advice(
                _text(
                    "Set ANTHROPIC_API_KEY for the server, or choose a credential in the node.",
                    "为服务器设置 ANTHROPIC_API_KEY，或在节点中选择凭据。",
                )
            ),
            Advice(
                _text(
                    "Use the Extractive answer node instead: it quotes the passages and needs no model.",
                    "改用“摘录回答”节点：它直接引用原文，不需要模型。",
                )
            ),
        ),
    ),
    Rule(
        "credential_refused",
        codes=("http.", "llm."),
        confidence=0.9,
        words=_words(r"\b(401|403)\b|unauthori[sz]ed|forbidden|invalid.{0,10}key"),
        cause=_text("The server refused the credential.", "服务器拒绝了凭据。"),
        advice=(
            Advice(
                _text(
                    "Check that the key is still valid and may do this.",
                    "检查密钥是否有效、是否拥有相应权限。",
                )
            ),
            Advice(_text("Choose another credential in the node.", "在节点中选择其他凭据。")),
        ),
    ),
    Rule(
        "address_private",
        codes=("http.private", "http.refused_address", "http.forbidden", "http.address"),
        confidence=0.95,
        cause=_text(
            "The address is inside a private network, which flows may not reach.",
            "该地址位于私有网络，流程默认不可访问。",
        ),
        advice=(
            Advice(_text("Check the address for a mistake.", "检查地址是否有误。")),
            Advice(
                _text(
                    "If it is meant, an administrator can allow the range with SAGE_ALLOW_PRIVATE_NETWORK.",
                    "如确需访问，管理员可通过 SAGE_ALLOW_PRIVATE_NETWORK 放行该网段。",
                )
            ),
        ),
    ),
    Rule(
        "connection_refused",
        confidence=0.9,
        codes=("http.", "node."),
        words=_words(r"connection refused|actively refused|ECONNREFUSED|errno 111|no service|unreachable"),
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
        "name_unknown",
        confidence=0.9,
        codes=("http.", "node."),
        words=_words(
            r"name or service not known|nodename|getaddrinfo|not be resolved|cannot be found|dns|NXDOMAIN"
        ),
        cause=_text("The host name does not exist.", "主机名不存在。"),
        advice=(Advice(_text("Check the address for a typing mistake.", "检查地址是否有拼写错误。")),),
    ),
    Rule(
        "rate_limited",
        confidence=0.9,
        codes=("http.", "llm."),
        words=_words(r"\b429\b|too many requests|rate.?limit"),
        cause=_text("The server asks for fewer requests.", "服务器要求降低请求频率。"),
        advice=(_RETRY,),
    ),
    Rule(
        "not_found",
        confidence=0.8,
        codes=("http.",),
        words=_words(r"\b404\b|not found"),
        cause=_text("The server has nothing at this address.", "服务器在该地址没有内容。"),
        advice=(Advice(_text("Check the path of the address.", "检查地址中的路径。")),),
    ),
    Rule(
        "server_error",
        confidence=0.75,
        codes=("http.",),
        words=_words(r"\b5\d\d\b"),
        cause=_text("The server itself failed; this often passes.", "对方服务器出错，通常是暂时的。"),
        advice=(_RETRY,),
    ),
    Rule(
        "timeout",
        confidence=0.85,
        words=_words(r"timed? ?out|timeout|deadline"),
        cause=_text("The node did not finish in the time it was given.", "节点未能在规定时间内完成。"),
        advice=(
            Advice(_text("Give it twice the time.", "将时限加倍。"), _double_timeout),
            Advice(_text("Give it less to do at once.", "减少单次处理的数据量。")),
        ),
    ),
    Rule(
        "expression_wrong",
        confidence=0.9,
        codes=("expression.",),
        cause=_text(
            "An expression in the node's settings cannot be evaluated.", "节点设置中的表达式无法求值。"
        ),
        advice=(
            Advice(
                _text(
                    "Open the node: the place in the field is marked. Compare it with the node's input.",
                    "打开该节点：出错的字段和位置已标出，请对照节点收到的输入检查。",
                )
            ),
        ),
    ),
    Rule(
        "pdf_password",
        confidence=0.95,
        words=_words(r"password|encrypted"),
        node_types=("pdf_parser", "file_reader"),
        cause=_text("The PDF is protected by a password.", "该 PDF 受密码保护。"),
        advice=(Advice(_text("Enter the password in the node's settings.", "在节点设置中填写密码。")),),
    ),
    Rule(
        "file_wrong",
        confidence=0.8,
        codes=("file.", "files.", "document.", "pdf."),
        cause=_text(
            "The file could not be read as what it claims to be, or it is gone.",
            "文件内容与其类型不符，或文件已不存在。",
        ),
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
        "outcome_unknown",
        confidence=0.95,
        words=_words(r"outcome.{0,3}unknown"),
        cause=_text(
            "A worker stopped while this node was changing something outside; it may have happened.",
            "执行器在该节点产生外部影响时中断，无法得知操作是否已经完成。",
        ),
        advice=(
            Advice(
                _text(
                    "Look at the outside system, then retry or go on.",
                    "先查看外部系统的状态，再决定重试或继续。",
                )
            ),
        ),
    ),
    Rule(
        "settings_wrong",
        confidence=0.75,
        codes=("config.", "node.config", "node.input", "input."),
        cause=_text(
            "A setting or an input of the node is missing or has the wrong form.",
            "节点的设置或输入缺失，或格式不正确。",
        ),
        advice=(
            Advice(_text("Open the node and correct the marked field.", "打开该节点并更正标出的字段。")),
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


def rule_for(error: Problem, node_type: str) -> Rule:
    """The first rule that fits an error; ``FALLBACK`` when none does."""
    words = f"{error.get('message', '')} {error.get('details', '')}"
    return next(
        (rule for rule in RULES if _fits(rule, str(error.get("code", "")), words, node_type)), FALLBACK
    )


def _fits(rule: Rule, code: str, words: str, node_type: str) -> bool:
    if rule.codes and not code.startswith(rule.codes):
        return False
    if rule.node_types and node_type not in rule.node_types:
        return False
    return rule.words is None or rule.words.search(words) is not None
