"""Errors of live documents."""

from __future__ import annotations

from sage_studio.kernel import define_error

QUARANTINED = define_error(
    "document.quarantined", 5001, status=423,
    en="This flow's live document is set aside because opening it failed repeatedly.",
    zh="该流程的实时文档多次打开失败，已被隔离。",
    hint_en="Restore an earlier version, or ask the administrator to look at it.",
    hint_zh="请恢复较早的版本，或联系管理员处理。",
)  # fmt: skip
UNAVAILABLE = define_error(
    "document.unavailable", 5002, status=503, retryable=True,
    en="The live document cannot be read or written right now.", zh="实时文档暂时无法读写。",
    hint_en="Try again in a moment; nothing that was saved is lost.",
    hint_zh="请稍后重试；已保存的内容不会丢失。",
)  # fmt: skip
TOO_LARGE = define_error(
    "document.too_large", 5003, status=413,
    en="This change is too large for a flow: {size_mb} MB of at most {limit_mb} MB.",
    zh="该更改过大：{size_mb} MB，流程最大 {limit_mb} MB。",
    hint_en="Keep data in files, not in the flow.", hint_zh="请将数据存入文件，而不是流程中。",
)  # fmt: skip
