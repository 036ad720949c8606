"""Codes of workspaces (61xx)."""

from __future__ import annotations

from sage_studio.kernel import define_error

LAST_OWNER = define_error(
    "workspace.last_owner",
    6101,
    status=409,
    en="A workspace must keep at least one owner.",
    zh="工作区必须至少保留一名所有者。",
    hint_en="Make someone else an owner first.",
    hint_zh="请先将其他成员设为所有者。",
)
PERSONAL = define_error(
    "workspace.personal",
    6102,
    status=409,
    en="A personal workspace cannot be deleted.",
    zh="个人工作区不能删除。",
)
WORKSPACE_LIMIT = define_error(
    "workspace.limit",
    6103,
    status=409,
    en="You already own {limit} workspaces.",
    zh="您已拥有 {limit} 个工作区。",
)
INVITATION_LIMIT = define_error(
    "invitation.limit",
    6104,
    status=409,
    en="This workspace already has {limit} open invitations.",
    zh="此工作区已有 {limit} 个有效邀请。",
    hint_en="Delete some first.",
    hint_zh="请先删除一些。",
)
VALUES_HIDDEN = define_error(
    "workspace.values_hidden",
    6105,
    status=403,
    en="What runs take and give is hidden from viewers here.",
    zh="此工作区对查看者隐藏运行的输入和输出。",
    hint_en="Ask an owner of the workspace to show it or to make you an editor.",
    hint_zh="请联系工作区所有者开放查看，或将您设为编辑者。",
)
