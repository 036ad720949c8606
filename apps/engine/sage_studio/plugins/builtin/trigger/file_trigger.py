"""Starts a flow when somebody uploads a file."""

from __future__ import annotations

from sage_studio.kernel import Json
from sage_studio.plugins.support.triggers import SAMPLE, TriggerNode, set_once
from sage_studio.sdk import NodeSpec, Port, text

_FILE: Json = {"name": "faq.md", "mime": "text/markdown", "size_bytes": 0, "ref": "sample:faq.md"}


class FileTrigger(TriggerNode):
    """Hears of every upload once; files that runs write do not count, so a flow cannot feed itself."""

    spec = NodeSpec(
        id="file_trigger",
        name=text("New file", "新文件触发"),
        description=text(
            "Starts the flow when somebody uploads a file to the workspace.",
            "有人向工作区上传文件时启动流程。",
        ),
        category="trigger",
        icon="file",
        trigger=True,
        gives_all=True,
        outputs=(
            Port(name="file", type="File", label=text("File", "文件")),
            Port(name="name", type="string", label=text("Name", "文件名")),
        ),
        config=(
            set_once(
                "names",
                label=text("Names", "文件名"),
                help=text(
                    "* stands for any letters; separate several by commas.",
                    "* 代表任意字符，多个以逗号分隔。",
                ),
                default="*",
                max_length=500,
                placeholder=text("*.pdf, invoice-*", "*.pdf, invoice-*"),
            ),
            SAMPLE,
        ),
        summary=text("{names}", "{names}"),
        example={
            "config": {"names": "*.md", "sample": {"file": _FILE, "name": "faq.md"}},
            "inputs": {},
            "outputs": {"file": _FILE, "name": "faq.md"},
        },
    )
