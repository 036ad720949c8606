"""Fields of the request node: its body, what is made of the answer, and pages."""

from __future__ import annotations

from sage_studio.sdk import Choice, Field, text

BODY_FIELDS = (
    Field(
        name="body_type",
        label=text("Body", "请求体类型"),
        default="none",
        control="select",
        expression="never",
        options=(
            Choice(value="none", label=text("None", "无")),
            Choice(value="json", label=text("JSON", "JSON")),
            Choice(value="text", label=text("Text", "文本")),
            Choice(value="form", label=text("Form", "表单")),
            Choice(value="multipart", label=text("Form with files", "带文件的表单")),
            Choice(value="file", label=text("A file", "文件")),
        ),
    ),
    Field(
        name="body",
        type="any",
        label=text("Content", "请求体"),
        default="",
        control="code",
        wireable=True,
        show_when={"body_type": ("json", "text", "form", "multipart")},
    ),
    Field(
        name="files",
        type="any",
        label=text("Files", "文件"),
        default=None,
        control="files",
        wireable=True,
        show_when={"body_type": ("multipart", "file")},
    ),
    Field(
        name="file_field",
        label=text("Name of the file field", "文件字段名"),
        default="file",
        max_length=200,
        show_when={"body_type": ("multipart",)},
    ),
)
ANSWER_FIELDS = (
    Field(
        name="response",
        label=text("Answer", "响应"),
        help=text(
            "Lines, rows and events come out one by one while the service still sends.",
            "行、数据行和事件会在服务发送时逐条输出。",
        ),
        default="auto",
        control="select",
        expression="never",
        options=(
            Choice(value="auto", label=text("Automatic", "自动")),
            Choice(value="json", label=text("JSON", "JSON")),
            Choice(value="text", label=text("Text", "文本")),
            Choice(value="file", label=text("Save to a file", "保存为文件")),
            Choice(value="jsonl", label=text("JSON, one value per line", "JSON Lines（每行一个值）")),
            Choice(value="lines", label=text("Lines of text", "文本行")),
            Choice(value="events", label=text("Server-sent events", "服务器推送事件（SSE）")),
            Choice(value="csv", label=text("Rows of a CSV file", "CSV 数据行")),
        ),
        show_when={"paging": ("none",)},
    ),
    Field(
        name="file_name",
        label=text("File name", "文件名"),
        help=text("Empty: as the service calls it.", "留空则使用服务给出的名称。"),
        default="",
        max_length=150,
        show_when={"response": ("file",)},
    ),
)
_PAGED = ("link", "next_url", "cursor", "page", "offset")
PAGING_FIELDS = (
    Field(
        name="paging",
        label=text("Pages", "分页"),
        help=text("Fetches page after page and gives the items of all.", "逐页请求并合并所有条目。"),
        default="none",
        control="select",
        expression="never",
        options=(
            Choice(value="none", label=text("No paging", "不分页")),
            Choice(value="link", label=text("Next page in the Link header", "Link 响应头中的下一页")),
            Choice(value="next_url", label=text("Next address in the body", "响应体中的下一页网址")),
            Choice(value="cursor", label=text("Cursor in the body", "响应体中的游标")),
            Choice(value="page", label=text("Page number", "页码")),
            Choice(value="offset", label=text("Offset", "偏移量")),
        ),
    ),
    Field(
        name="items_path",
        label=text("Place of the list", "列表位置"),
        help=text("Such as data.items; empty: the body itself.", "例如 data.items；留空表示响应体本身。"),
        default="",
        max_length=300,
        placeholder=text("data.items", "data.items"),
        show_when={"paging": _PAGED},
    ),
    Field(
        name="next_path",
        label=text("Place of the next address or cursor", "下一页网址或游标的位置"),
        default="next",
        max_length=300,
        show_when={"paging": ("next_url", "cursor")},
    ),
    Field(
        name="page_param",
        label=text("Parameter", "参数名"),
        help=text("The query parameter that asks for a page.", "用于请求某一页的查询参数。"),
        default="page",
        max_length=200,
        show_when={"paging": ("cursor", "page", "offset")},
    ),
    Field(
        name="first_page",
        type="integer",
        label=text("Number of the first", "起始值"),
        default=1,
        minimum=0,
        maximum=1_000_000_000,
        show_when={"paging": ("page", "offset")},
    ),
    Field(
        name="max_pages",
        type="integer",
        label=text("Pages at most", "最多页数"),
        default=100,
        minimum=1,
        maximum=100_000,
        unit=text("pages", "页"),
        show_when={"paging": _PAGED},
    ),
    Field(
        name="max_items",
        type="integer",
        label=text("Items at most", "最多条目数"),
        help=text("0: no limit.", "0 表示不限。"),
        default=0,
        minimum=0,
        maximum=1_000_000_000,
        unit=text("items", "条"),
        show_when={"paging": _PAGED},
        expert=True,
    ),
)
