"""Runs JavaScript that a person writes, in the sandbox."""

from __future__ import annotations

import re

from sage_studio.plugins.support.code_node import INPUTS, OUTPUTS, CodeNode, code_fields
from sage_studio.sdk import NodeSpec, Settings, text

# Words that cannot name a parameter of a strict function.
_RESERVED = frozenset({
    "arguments", "await", "break", "case", "catch", "class", "const", "continue", "debugger", "default",
    "delete", "do", "else", "enum", "eval", "export", "extends", "false", "finally", "for", "function",
    "if", "implements", "import", "in", "instanceof", "interface", "let", "new", "null", "package",
    "private", "protected", "public", "return", "static", "super", "switch", "this", "throw", "true",
    "try", "typeof", "var", "void", "while", "with", "yield",
})  # fmt: skip


class JavascriptFunction(CodeNode):
    """The language itself, without Node.js or a browser around it."""

    language = "javascript"
    clocks_and_chance = re.compile(
        r"Math\s*\.\s*random|Math\s*\[|Date|Function|eval|globalThis|\bthis\b|constructor|Reflect|Proxy"
    )

    spec = NodeSpec(
        id="javascript_function",
        name=text("JavaScript", "JavaScript"),
        description=text(
            "Runs your own JavaScript on the data, sealed off from files, network and everything else.",
            "在与文件、网络等完全隔离的环境中，用自己的 JavaScript 代码处理数据。",
        ),
        category="utility",
        icon="javascript",
        inputs=INPUTS,
        outputs=OUTPUTS,
        config=code_fields("javascript", "return items.filter((item) => item.price > 10);"),
        summary=text("{mode}", "{mode}"),
        aliases=("javascript",),
        example={
            "config": {"code": "return {...item, total: item.price * item.quantity};", "mode": "each"},
            "inputs": {"items": [{"price": 3, "quantity": 2}]},
            "outputs": {"items": [{"price": 3, "quantity": 2, "total": 6}]},
        },
    )

    def is_full(self, settings: Settings) -> bool:
        return False

    @classmethod
    def can_name(cls, name: str) -> bool:
        return name not in _RESERVED
