"""Changes of a text as retain, insert and delete; counts are characters (Unicode code points)."""

from __future__ import annotations

import difflib
import re

from sage_studio.flow.operations import Delete, Delta, Insert, Retain

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_MAX_WORK = 2_000_000
"""Pairs of words compared at most; beyond that the changed middle is replaced as a whole."""


def text_delta(before: str, after: str) -> Delta:
    """The shortest change found: equal ends are kept, the middle is compared word by word."""
    start = _common(before, after)
    rest_before, rest_after = before[start:], after[start:]
    end = _common(rest_before[::-1], rest_after[::-1])
    middle_before = rest_before[: len(rest_before) - end]
    middle_after = rest_after[: len(rest_after) - end]
    delta: Delta = []
    if start:
        delta.append(Retain(retain=start))
    delta.extend(_middle(middle_before, middle_after))
    while delta and isinstance(delta[-1], Retain):
        delta.pop()
    return delta


def _common(left: str, right: str) -> int:
    """How many characters two texts begin with alike."""
    for index, (mine, theirs) in enumerate(zip(left, right, strict=False)):
        if mine != theirs:
            return index
    return min(len(left), len(right))


def _middle(before: str, after: str) -> Delta:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if not old or not new or len(old) * len(new) > _MAX_WORK:
        return _replace(before, after)
    delta: Delta = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            delta.append(Retain(retain=sum(map(len, old[a:b]))))
        else:
            delta.extend(_replace("".join(old[a:b]), "".join(new[c:d])))
    return delta


def _replace(before: str, after: str) -> Delta:
    delta: Delta = []
    if after:
        delta.append(Insert(insert=after))
    if before:
        delta.append(Delete(delete=len(before)))
    return delta


def apply_delta(text: str, delta: Delta) -> tuple[str, Delta] | None:
    """The changed text and the delta that changes it back; None when the delta is for a longer text."""
    pieces: list[str] = []
    inverse: Delta = []
    at = 0
    for step in delta:
        if isinstance(step, Insert):
            pieces.append(step.insert)
            inverse.append(Delete(delete=len(step.insert)))
            continue
        count = step.retain if isinstance(step, Retain) else step.delete
        if at + count > len(text):
            return None
        if isinstance(step, Retain):
            pieces.append(text[at : at + count])
            inverse.append(Retain(retain=count))
        else:
            inverse.append(Insert(insert=text[at : at + count]))
        at += count
    pieces.append(text[at:])
    return "".join(pieces), inverse
