"""How a text feels, by the words it uses: English and Chinese, also mixed, without a model.

Each sentence is the sum of its words' scores, turned by negations, strengthened by adverbs; what follows
“but” counts more. The sum is brought to -1 … 1 as VADER does it (Hutto and Gilbert, 2014).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from sage_studio.plugins.support.sentiment_words import (
    CHINESE,
    CHINESE_NOT,
    CHINESE_VERY,
    ENGLISH,
    ENGLISH_NOT,
    ENGLISH_VERY,
)

_SENTENCE = re.compile(r"[^.!?。！？；;\n]+[.!?。！？]*")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_CJK = re.compile(r"[\u4e00-\u9fff]+")
_BUT = re.compile(r"\b(?:but|however)\b|但是|但|不过|然而|可惜")
_LONGEST = max(map(len, CHINESE))
_NEAR = 3
_TURNED = -0.7
_ALPHA = 15.0
_EMOJI = {
    "😀": 2,
    "😊": 2,
    "😍": 3,
    "👍": 2,
    "❤": 3,
    "🎉": 2,
    "😡": -3,
    "😢": -2,
    "👎": -2,
    "💔": -2,
    "🤮": -3,
}


@dataclass
class Feeling:
    """``score`` from -1 to 1; ``found`` are the words that made it, with what each added."""

    score: float
    found: list[tuple[str, float]] = field(default_factory=list)


def feeling(text: str) -> Feeling:
    """Of a whole text."""
    found: list[tuple[str, float]] = []
    for sentence in _SENTENCE.findall(text.lower().replace("’", "'")):
        parts = _BUT.split(sentence)
        weights = [0.6] * (len(parts) - 1) + [1.3] if len(parts) > 1 else [1.0]
        loud = 1.2 if sentence.rstrip().endswith(("!", "！")) else 1.0
        for part, weight in zip(parts, weights, strict=True):
            marks = [*_english(part), *_chinese(part)]
            found += [(word, score * weight * loud) for word, score in marks]
    found += [(sign, float(score)) for sign, score in _EMOJI.items() for _ in range(text.count(sign))]
    total = sum(score for _word, score in found)
    return Feeling(round(total / math.sqrt(total * total + _ALPHA), 4), found)


def _english(text: str) -> list[tuple[str, float]]:
    tokens = _WORD.findall(text)
    found = []
    for at, token in enumerate(tokens):
        score = ENGLISH.get(token)
        if score is None:
            continue
        before = tokens[max(0, at - _NEAR) : at]
        for word in before:
            score *= ENGLISH_VERY.get(word, 1.0)
        if any(word in ENGLISH_NOT for word in before):
            score *= _TURNED
        found.append((token, score))
    return found


def _chinese(text: str) -> list[tuple[str, float]]:
    found = []
    for run in _CJK.findall(text):
        at, since = 0, 0
        while at < len(run):
            word = next((run[at:end] for end in range(at + _LONGEST, at, -1) if run[at:end] in CHINESE), None)
            if word is None:
                at += 1
                continue
            found.append((word, CHINESE[word] * _before(run[since:at][-6:])))
            at += len(word)
            since = at
    return found


def _before(words: str) -> float:
    """What stands before a word does to it."""
    factor = 1.0
    for word, weight in CHINESE_VERY.items():
        if word in words:
            factor *= weight
    if any(word in words for word in CHINESE_NOT):
        factor *= _TURNED
    return factor
