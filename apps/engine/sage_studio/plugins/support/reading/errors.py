"""What can be wrong with a document, in words for people."""

from __future__ import annotations

from sage_studio.kernel import ErrorCode, Json, define_error
from sage_studio.sdk import NodeError

PDF_PASSWORD = define_error(
    "pdf.password",
    3131,
    en="“{name}” is protected, and the password is missing or wrong.",
    zh="“{name}”受密码保护，密码缺失或不正确。",
    hint_en="Give the password in the node's password field or its credential.",
    hint_zh="请在节点的密码字段或凭据中提供密码。",
    status=422,
)
PDF_DAMAGED = define_error(
    "pdf.damaged",
    3132,
    en="“{name}” cannot be read as a PDF: {reason}.",
    zh="无法将“{name}”作为 PDF 读取：{reason_zh}。",
    hint_en="Open it in a PDF viewer and save it again, then upload the new copy.",
    hint_zh="请用 PDF 阅读器打开并另存，再上传新的副本。",
    status=422,
)
PDF_TOO_HEAVY = define_error(
    "pdf.too_heavy",
    3133,
    en="Reading “{name}” took more than {limit_s} s or more memory than allowed.",
    zh="读取“{name}”超过 {limit_s} 秒或超出内存限制。",
    hint_en="Split the document, or lower the page limit.",
    hint_zh="请拆分文档，或减小页数上限。",
    status=422,
)
TOO_HEAVY = define_error(
    "reading.too_heavy",
    3136,
    en="Reading “{name}” took more than {limit_s} s or more memory than allowed.",
    zh="读取“{name}”超过 {limit_s} 秒或超出内存限制。",
    hint_en="Split the document, or save it in a simpler format.",
    hint_zh="请拆分文档，或另存为更简单的格式。",
    status=422,
)
TOO_LARGE = define_error(
    "reading.too_large",
    3137,
    en="“{name}” is larger than the {limit_mb} MB up to which a file of this kind is read.",
    zh="“{name}”超过此类文件可读取的上限 {limit_mb} MB。",
    hint_en="Split it, or read it as rows where its format allows that: rows are read piece by piece.",
    hint_zh="请拆分文件；若格式允许，请按数据行读取，数据行会分块读取。",
    status=422,
)
DOCX_DAMAGED = define_error(
    "docx.damaged",
    3151,
    en="“{name}” cannot be read as a Word document: {reason}.",
    zh="无法将“{name}”作为 Word 文档读取：{reason_zh}。",
    hint_en="Open it in a word processor and save it again as .docx.",
    hint_zh="请用文字处理软件打开，并重新保存为 .docx。",
    status=422,
)
XLSX_DAMAGED = define_error(
    "xlsx.damaged",
    3152,
    en="“{name}” cannot be read as an Excel workbook: {reason}.",
    zh="无法将“{name}”作为 Excel 工作簿读取：{reason_zh}。",
    hint_en="Open it in a spreadsheet program and save it again as .xlsx, without a password.",
    hint_zh="请用电子表格软件打开，去掉密码后重新保存为 .xlsx。",
    status=422,
)
HTML_DAMAGED = define_error(
    "html.damaged",
    3153,
    en="“{name}” cannot be read as HTML: {reason}.",
    zh="无法将“{name}”作为 HTML 读取：{reason_zh}。",
    hint_en="Read it as plain text instead.",
    hint_zh="请改为按纯文本读取。",
    status=422,
)

_REASONS: dict[str, tuple[str, str]] = {
    "damaged": ("it is damaged or incomplete", "文件已损坏或不完整"),
    "crashed": ("reading it failed", "读取时解析器出错"),
    "entries": ("it has too many entries", "条目过多"),
    "ratio": ("it unpacks to far more than it holds", "解压后的内容远大于文件本身"),
    "lies": ("it unpacks to more than it says", "解压后的内容多于其声明的大小"),
    "no_part": ("there is no content inside", "其中没有正文内容"),
    "encrypted": ("it is protected by a password", "受密码保护"),
    "doctype": ("its XML declares a document type or entities", "其中的 XML 声明了文档类型或实体"),
    "deep": ("it is nested too deeply", "嵌套层次过深"),
    "xml": ("its XML is not well-formed", "其中的 XML 格式不正确"),
    "page": ("it has no such page", "没有该页"),
    "cells": ("it has too many columns", "列数过多"),
    "no_sheet": ("it has no sheet of that name", "没有该名称的工作表"),
}  # fmt: skip
_DAMAGED: dict[str, ErrorCode] = {"docx": DOCX_DAMAGED, "xlsx": XLSX_DAMAGED, "html": HTML_DAMAGED}


def damaged(task: str, name: str, reason: str) -> NodeError:
    """The error of a document that a task could not read; ``reason`` is one of those the child gives."""
    if reason == "password":
        return NodeError(PDF_PASSWORD, {"name": name})
    en, zh = _REASONS.get(reason, _REASONS["damaged"])
    facts: dict[str, Json] = {"name": name, "reason": en, "reason_zh": zh}
    return NodeError(_DAMAGED.get(task, PDF_DAMAGED), facts)


def too_heavy(task: str, name: str, limit_s: int) -> NodeError:
    code = TOO_HEAVY if task in _DAMAGED else PDF_TOO_HEAVY
    return NodeError(code, {"name": name, "limit_s": limit_s})
