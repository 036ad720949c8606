"""Putting passages in another order, without a model: by words, by several rankings, by variety."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from sage_studio.plugins.support.search import fused
from sage_studio.plugins.support.words import words

_K1 = 1.5
_B = 0.75
# How much a passage like one that is already chosen loses.
_VARIETY = 0.5


def by_words(query: str, texts: Sequence[str]) -> list[float]:
    """BM25 over these texts alone (Robertson and Zaragoza, 2009)."""
    bags = [Counter(words(text)) for text in texts]
    lengths = [sum(bag.values()) for bag in bags]
    mean = (sum(lengths) / len(lengths) if lengths else 0) or 1
    scores = [0.0] * len(texts)
    for word in set(words(query)):
        holders = [at for at, bag in enumerate(bags) if word in bag]
        rarity = math.log(1 + (len(texts) - len(holders) + 0.5) / (len(holders) + 0.5))
        for at in holders:
            times = bags[at][word]
            scores[at] += rarity * times * (_K1 + 1) / (times + _K1 * (1 - _B + _B * lengths[at] / mean))
    return scores


def by_matching(query: str, texts: Sequence[str]) -> list[float]:
    """Late interaction without a model: every word of the question finds its best match in the text, by
    shared letter triples, and rare words count more (after ColBERT's MaxSim; Khattab and Zaharia, 2020)."""
    asked = list(dict.fromkeys(words(query)))
    bags = [set(words(text)) for text in texts]
    parts = {word: _triples(word) for bag in (*bags, asked) for word in bag}
    weights = [math.log(1 + len(texts) / (1 + sum(word in bag for bag in bags))) for word in asked]
    total = sum(weights) or 1.0
    return [
        sum(
            weight * max((_likeness(parts[word], parts[held]) for held in bag), default=0.0)
            for word, weight in zip(asked, weights, strict=True)
        )
        / total
        for bag in bags
    ]


def _triples(word: str) -> frozenset[str]:
    padded = f"^{word}$"
    return frozenset(padded[at : at + 3] for at in range(max(1, len(padded) - 2)))


def _likeness(left: frozenset[str], right: frozenset[str]) -> float:
    shared = len(left & right)
    return 2 * shared / (len(left) + len(right)) if shared else 0.0


def joined(*scores: Sequence[float]) -> list[float]:
    """Several scores by reciprocal rank fusion, as one score a place."""
    rankings = [
        [(at, 0.0) for at in sorted(range(len(given)), key=lambda at: (-given[at], at)) if given[at] > 0]
        for given in scores
    ]
    found = dict(fused(*rankings))
    return [found.get(at, 0.0) for at in range(len(scores[0]))]


def varied(scores: Sequence[float], texts: Sequence[str], count: int) -> list[int]:
    """The best places, each unlike those before it (maximal marginal relevance; Carbonell and Goldstein,
    1998). Likeness is shared words."""
    bags = [set(words(text)) for text in texts]
    most = max(scores, default=0.0) or 1.0
    left, chosen = list(range(len(scores))), list[int]()
    likeness = [0.0] * len(scores)
    while left and len(chosen) < count:
        best = max(left, key=lambda at: ((1 - _VARIETY) * scores[at] / most - _VARIETY * likeness[at], -at))
        left.remove(best)
        chosen.append(best)
        for at in left:
            whole = len(bags[at] | bags[best])
            likeness[at] = max(likeness[at], len(bags[at] & bags[best]) / whole if whole else 0.0)
    return chosen
