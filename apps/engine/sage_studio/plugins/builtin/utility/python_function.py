"""Runs Python that a person writes, in the sandbox."""

from __future__ import annotations

import keyword
import re

from sage_studio.plugins.support.code_node import INPUTS, OUTPUTS, CodeNode, code_fields
from sage_studio.sdk import Choice, Field, NodeSpec, Settings, text

FULL = "full"


class PythonFunction(CodeNode):
    """A safe subset of Python by default; the whole of it where an administrator allows that."""

    language = "python"
    clocks_and_chance = re.compile(r"random|time|date|uuid|secrets|\bid\s*\(|hash\s*\(|import_|environ|os\b")

    spec = NodeSpec(
        id="python_function",
        name=text("Python", "Python"),
        description=text(
            "Runs your own Python on the data, sealed off from files, network and everything else.",
            "在与文件、网络等完全隔离的环境中，用自己的 Python 代码处理数据。",
        ),
        category="utility",
        icon="python",
        inputs=INPUTS,
        outputs=OUTPUTS,
        config=(
            *code_fields("python", "return [item for item in items if item['price'] > 10]"),
            Field(
                name="engine",
                label=text("Python", "Python 版本"),
                control="select",
                default="safe",
                options=(
                    Choice(value="safe", label=text("Safe subset (quick)", "安全子集（快速）")),
                    Choice(value=FULL, label=text("Full Python with packages", "完整 Python（含软件包）")),
                ),
                help=text(
                    "The safe subset has its own interpreter: no packages, no class inheritance, no yield. "
                    "Full Python starts a process for each call and must be switched on by an administrator.",
                    "安全子集使用独立解释器：不支持第三方包、类继承和 yield。"
                    "完整 Python 每次调用都会启动进程，需由管理员启用。",
                ),
                expert=True,
                expression="never",
            ),
        ),
        summary=text("{mode}", "{mode}"),
        aliases=("python",),
        example={
            "config": {"code": "return {'total': sum(item['price'] for item in items)}"},
            "inputs": {"items": [{"price": 3}, {"price": 4}]},
            "outputs": {"result": {"total": 7}},
        },
    )

    def is_full(self, settings: Settings) -> bool:
        return settings.text("engine") == FULL

    @classmethod
    def can_name(cls, name: str) -> bool:
        return not keyword.iskeyword(name)
