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
    en="The change would make the flow larger than {limit_mb} MB.", zh="该更改会使流程超过 {limit_mb} MB。",
    hint_en="Keep data in files, not in the flow.", hint_zh="请将数据存入文件，而不是流程中。",
)  # fmt: skip
PATCH_CONFLICT = define_error(
    "patch.conflict", 5010, status=409,
    en="The flow changed meanwhile: {count} of the changes no longer fit.",
    zh="流程已被他人更改：有 {count} 处更改不再适用。",
    hint_en="Look at what is there now, or apply the rest only.",
    hint_zh="请查看当前内容，或仅应用其余更改。",
)  # fmt: skip
