"""People's regular expressions, by an engine whose time grows with the text and with nothing else.

RE2 (https://github.com/google/re2/wiki/Syntax) has no back references and no look-around, which are what
makes other engines take forever.
"""

from __future__ import annotations

from typing import Any

import re2

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

BAD_PATTERN = define_error(
    "pattern.bad",
    3903,
    en="The pattern “{pattern}” cannot be read: {reason}.",
    zh="无法识别正则表达式“{pattern}”：{reason}。",
    hint_en="Back references and look-ahead are not supported, because they can take endless time.",
    hint_zh="不支持反向引用与环视，因为它们可能耗时无限。",
    status=422,
)
_MAX_MEMORY_BYTES = 16 << 20


def compile_pattern(
    pattern: str, *, ignores_case: bool = False, by_line: bool = False, dot_all: bool = False
) -> Any:
    """A compiled pattern of RE2, used as those of ``re``. Raises NodeError ``pattern.bad``."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY_BYTES
    options.case_sensitive = not ignores_case
    options.dot_nl = dot_all
    try:
        return re2.compile(f"(?m){pattern}" if by_line else pattern, options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if error.args else "?"
        raise NodeError(BAD_PATTERN, {"pattern": pattern[:200], "reason": reason}) from error
