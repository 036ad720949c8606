"""Codes of accounts (60xx)."""

from __future__ import annotations

from sage_studio.kernel import define_error

OWNER_CODE = define_error(
    "signup.owner_code",
    6001,
    status=403,
    en="The owner code is not right.",
    zh="所有者代码不正确。",
    hint_en="The code is printed where the server was started. `manage.py owner_code` prints it again.",
    hint_zh="代码在启动服务器时显示；可用 `manage.py owner_code` 再次查看。",
)
INVITATION_NEEDED = define_error(
    "signup.invitation",
    6002,
    status=403,
    en="An invitation is needed to sign up here.",
    zh="需要邀请才能在此注册。",
    hint_en="Ask someone in your team for an invitation link.",
    hint_zh="请向团队成员索取邀请链接。",
)
INVITATION_INVALID = define_error(
    "invitation.invalid",
    6003,
    status=404,
    en="This invitation does not exist or has expired.",
    zh="此邀请不存在或已过期。",
    hint_en="Ask for a new invitation link.",
    hint_zh="请索取新的邀请链接。",
)
TOKEN_LIMIT = define_error(
    "token.limit",
    6004,
    status=409,
    en="You already have {limit} tokens.",
    zh="您已有 {limit} 个令牌。",
    hint_en="Delete one that is no longer used.",
    hint_zh="请删除不再使用的令牌。",
)
INVITATION_OTHER_EMAIL = define_error(
    "invitation.other_email",
    6005,
    status=403,
    en="This invitation is for another email address.",
    zh="此邀请属于另一个邮箱地址。",
    hint_en="Sign in with the address it was sent to.",
    hint_zh="请使用受邀的邮箱登录。",
)
