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
READ_ONLY = define_error(
    "document.read_only", 5004, status=403,
    en="You may no longer edit this flow.", zh="您已不能编辑此流程。",
    hint_en="Copy your unsaved changes, or ask an owner of the workspace.",
    hint_zh="请复制未保存的更改，或联系工作区所有者。",
)  # fmt: skip
NOT_SET_ASIDE = define_error(
    "document.not_set_aside", 5005, status=409,
    en="This flow's live document works; there is nothing to recover.",
    zh="该流程的实时文档正常，无需恢复。",
    hint_en="Open the flow as usual.", hint_zh="请照常打开流程。",
)  # fmt: skip
TOO_MANY_SOCKETS = define_error(
    "document.too_many_sockets", 5006, status=429, retryable=True,
    en="You have too many flows open at once: {count}.", zh="您同时打开的流程过多：{count} 个。",
    hint_en="Close some tabs.", hint_zh="请关闭一些标签页。",
)  # fmt: skip
TOO_MANY_THREADS = define_error(
    "comment.too_many_threads", 5021, status=409,
    en="This flow already has {limit} threads of comments.", zh="此流程已有 {limit} 个评论话题。",
    hint_en="Delete threads that are no longer needed.", hint_zh="请删除不再需要的话题。",
)  # fmt: skip
THREAD_FULL = define_error(
    "comment.thread_full", 5022, status=409,
    en="This thread already has {limit} comments.", zh="此话题已有 {limit} 条评论。",
    hint_en="Start a new thread.", hint_zh="请新建一个话题。",
)  # fmt: skip
COMMENT_EMPTY = define_error(
    "comment.empty", 5023, status=422,
    en="A comment needs some text.", zh="评论内容不能为空。",
    hint_en="Write something, or delete the comment.", hint_zh="请输入内容，或删除该评论。",
)  # fmt: skip
COMMENTS_OFF = define_error(
    "comment.viewers_off", 5024, status=403,
    en="Viewers may not comment in this workspace.", zh="此工作区不允许查看者发表评论。",
    hint_en="Ask an owner to allow it or to make you an editor.",
    hint_zh="请联系所有者开启此权限，或将您设为编辑者。",
)  # fmt: skip
TOO_MANY_LINKS = define_error(
    "share.too_many_links", 5025, status=409,
    en="This flow already has {limit} links.", zh="此流程已有 {limit} 个链接。",
    hint_en="Take some back first.", hint_zh="请先撤回一些链接。",
)  # fmt: skip
LINK_INVALID = define_error(
    "share.link_invalid", 5026, status=404,
    en="This link does not work.", zh="此链接无效。",
    hint_en="It may have expired or been taken back. Ask whoever sent it for a new one.",
    hint_zh="它可能已过期或被撤回，请向发送者索取新的链接。",
)  # fmt: skip
