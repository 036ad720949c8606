"""Errors of flows."""

from __future__ import annotations

from sage_studio.kernel import define_error

NAME_EMPTY = define_error(
    "flow.name_empty", 2090, status=422,
    en="A flow needs a name.", zh="流程需要一个名称。",
    hint_en="Give it one.", hint_zh="请填写名称。",
)  # fmt: skip
TOO_MANY = define_error(
    "flow.too_many", 2091, status=409,
    en="This workspace already has {limit} flows.", zh="此工作区已有 {limit} 个流程。",
    hint_en="Delete flows that are no longer needed.", hint_zh="请删除不再需要的流程。",
)  # fmt: skip
