"""Starts a flow when a person presses Run, and hands on what the run was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.sdk import EVENT, Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, as_files, text

# Of a run's inputs, those that are no data: the fields, and what fired another trigger.
_OWN = frozenset({"text", "files", "data", EVENT})


class ManualTrigger(Node):
    """Run inputs named ``text``, ``files`` and ``data`` win over the fields of the same name."""

    spec = NodeSpec(
        id="manual_trigger",
        name=text("Start by hand", "手动触发"),
        description=text(
            "Starts the flow when someone presses Run, with a text, files and data they may give.",
            "有人点击“运行”时启动流程，并传递其提供的文本、文件和数据。",
        ),
        category="trigger",
        icon="play",
        gives_all=True,
        trigger=True,
        outputs=(
            Port(name="text", type="string", label=text("Text", "文本")),
            Port(name="files", type="array<File>", label=text("Files", "文件")),
            Port(name="data", type="object", label=text("Data", "数据")),
        ),
        config=(
            Field(
                name="text",
                label=text("Text or question", "文本或问题"),
                help=text("Used when the run is not given one.", "运行时未提供文本则使用此值。"),
                default="",
                control="textarea",
                max_length=20_000,
            ),
            Field(
                name="files",
                type="array",
                label=text("Files", "文件"),
                help=text("Used when the run is not given any.", "运行时未提供文件则使用这些文件。"),
                default=[],
                control="files",
                expression="never",
            ),
            Field(
                name="data",
                type="object",
                label=text("Data", "数据"),
                help=text(
                    "Named values the flow starts with; a run's own values are laid over them.",
                    "流程启动时的命名数据；运行时提供的值会覆盖同名项。",
                ),
                default={},
                control="json",
            ),
        ),
        summary=text("{text}", "{text}"),
        example={"config": {"text": "Hello"}, "inputs": {}, "outputs": {"text": "Hello"}},
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        given = {name: value for name, value in inputs.items() if value is not None and value != ""}
        files = as_files(given["files"]) if given.get("files") else settings.files("files")
        data = settings.mapping("data")
        extra = given.get("data")
        if isinstance(extra, Mapping):
            data.update(extra)
        data.update({name: value for name, value in given.items() if name not in _OWN})
        words = given.get("text")
        return {"text": settings.text("text") if words is None else str(words), "files": files, "data": data}
