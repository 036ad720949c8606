"""Words of any language, for keyword search and feature hashing.

European text gives lower-case words with a light English stem; Chinese, Japanese and Korean runs
give their characters and neighbouring pairs, which needs no dictionary.
"""

from __future__ import annotations

import re
import unicodedata

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_HAS_CJK = re.compile(rf"[{_CJK}]")
_STOP_TEXT = (
    "a an and are as at be but by can could did do does for from had has have he her his how i if in "
    "into is it its me my no not of on or our she so than that the their them then there they this to "
    "was we were what when where which who why will with would you your "
    "的 了 是 在 和 与 及 吗 呢 我 你 他 她 它 们 这 那 有 么 多 少 吧 啊 怎 哪 谁"
)
_STOP_WORDS = frozenset(_STOP_TEXT.split())


def has_cjk(text: str) -> bool:
    return _HAS_CJK.search(text) is not None


def words(text: str) -> list[str]:
    """Content words; stop words are left out, except when nothing else remains."""
    tokens = list(_tokens(unicodedata.normalize("NFKC", text).lower()))
    content = [token for token in tokens if token not in _STOP_WORDS]
    return content or tokens


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    for run in _TOKEN.findall(text):
        if _HAS_CJK.match(run):
            tokens.extend(run)
            tokens.extend(run[i : i + 2] for i in range(len(run) - 1))
        else:
            tokens.append(stem(run) if run not in _STOP_WORDS else run)
    return tokens


def stem(word: str) -> str:
    """Cut the commonest English endings, so that ``returned`` meets ``return``."""
    if len(word) > 4:
        for ending, rest in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", "")):
            if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= 3:
                word = word[: -len(ending)] + rest
                break
        return word.removesuffix("e") if len(word) > 4 else word
    if len(word) == 4 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word
