"""Starts a flow when somebody fills in its form."""

from __future__ import annotations

from sage_studio.plugins.support.triggers import SAMPLE, TriggerNode, choice, set_once
from sage_studio.sdk import NodeSpec, Port, text

_FIELDS = [
    {"name": "name", "label": "Your name", "kind": "text", "required": True},
    {"name": "message", "label": "Message", "kind": "textarea", "required": False},
]
ACCESS = set_once(
    "access",
    label=text("Who may open it", "访问权限"),
    default="public",
    control="select",
    options=(
        choice("public", "Whoever knows the address", "知道地址即可"),
        choice("members", "Members of the workspace", "仅工作区成员"),
    ),
)


class FormTrigger(TriggerNode):
    """The page is served from the published version."""

    spec = NodeSpec(
        id="form_trigger",
        name=text("Form", "表单触发"),
        description=text(
            "Serves a page with a form, and starts the flow with what people fill in.",
            "提供表单页面，并用填写的内容启动流程。",
        ),
        category="trigger",
        icon="list",
        trigger=True,
        gives_all=True,
        outputs=(
            Port(name="values", type="object", label=text("Values", "填写内容")),
            Port(name="files", type="array<File>", label=text("Files", "文件")),
            Port(name="submitted_at", type="string", label=text("Time", "提交时间")),
        ),
        config=(
            set_once("title", label=text("Title", "标题"), default="", max_length=200),
            set_once(
                "intro",
                label=text("Introduction", "说明"),
                default="",
                control="textarea",
                max_length=4_000,
            ),
            set_once(
                "fields",
                type="array",
                label=text("Fields", "字段"),
                help=text(
                    "Each has a name, a label, a kind (text, textarea, email, number, date, select, "
                    "checkbox or file), and may have required, options, help and max_length.",
                    "每项包含 name、label 和 kind（text、textarea、email、number、date、select、"
                    "checkbox 或 file），可选 required、options、help、max_length。",
                ),
                default=_FIELDS,
                control="json",
            ),
            set_once("button", label=text("Button", "按钮文字"), default="", max_length=60),
            set_once(
                "after",
                label=text("After it is sent", "提交后"),
                default="message",
                control="select",
                options=(
                    choice("message", "Show a message", "显示一段文字"),
                    choice("result", "Wait, and show what the flow gives", "等待并显示流程结果"),
                    choice("redirect", "Go to another page", "跳转到其他页面"),
                ),
            ),
            set_once(
                "message",
                label=text("Message", "提示文字"),
                default="",
                control="textarea",
                max_length=4_000,
                show_when={"after": ("message",)},
            ),
            set_once(
                "redirect",
                label=text("Page", "页面地址"),
                default="",
                max_length=2_000,
                placeholder=text("https://example.org/thanks", "https://example.org/thanks"),
                show_when={"after": ("redirect",)},
            ),
            ACCESS,
            SAMPLE,
        ),
        summary=text("{title}", "{title}"),
        example={
            "config": {"title": "Ask us", "sample": {"values": {"name": "Ada"}}},
            "inputs": {},
            "outputs": {"values": {"name": "Ada"}},
        },
    )
