"""Exact search over one collection: vectors by cosine, words by BM25, both by rank fusion.

Every host uses this one index over what it stores; 5,000 entries answer in a few milliseconds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sage_studio.kernel import JsonObject
from sage_studio.plugins.support.filters import Filter
from sage_studio.plugins.support.words import words
from sage_studio.sdk import VectorHit

# Collections whose names begin so belong to one run; hosts drop them after a day.
RUN_PREFIX = "run:"

_K1 = 1.5
_B = 0.75
_FUSION_K = 60
_DEPTH = 200


class VectorIndex:
    """An immutable view of a collection, ready to be searched. Building it is CPU-bound."""

    def __init__(
        self,
        ids: Sequence[str],
        texts: Sequence[str],
        metadatas: Sequence[JsonObject],
        matrix: NDArray[np.float32],
    ) -> None:
        self._ids, self._texts, self._metadatas = ids, texts, metadatas
        lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
        self._matrix = matrix / np.where(lengths == 0, 1, lengths)
        counts = [Counter(words(text)) for text in texts]
        self._lengths = np.array([sum(count.values()) for count in counts] or [0], dtype=np.float64)
        self._mean_length = float(self._lengths.mean()) or 1.0
        self._postings: dict[str, list[tuple[int, int]]] = {}
        for entry, count in enumerate(counts):
            for word, times in count.items():
                self._postings.setdefault(word, []).append((entry, times))

    def __len__(self) -> int:
        return len(self._ids)

    def search(
        self,
        vector: Sequence[float],
        query: str,
        *,
        top_k: int,
        mode: str,
        where: Mapping[str, Any] | None = None,
    ) -> list[VectorHit]:
        """The best entries, of those whose metadata fit ``where``. ``score`` is cosine, BM25, or the fused
        rank score scaled to 0…1."""
        if not self._ids:
            return []
        fits = Filter(where).fits if where else None
        by_vector = self._first(self._by_vector(vector), fits) if mode != "keyword" else []
        by_word = self._first(self._by_word(query), fits) if mode != "vector" else []
        ranked = {"vector": by_vector, "keyword": by_word}.get(mode) if mode != "hybrid" else None
        if ranked is None:
            ranked = fused(by_word, by_vector)
        return [self._hit(entry, score) for entry, score in ranked[:top_k]]

    def _hit(self, entry: int, score: float) -> VectorHit:
        return VectorHit(self._ids[entry], self._texts[entry], self._metadatas[entry], float(score))

    def _first(
        self, ranking: Iterable[tuple[int, float]], fits: Callable[[JsonObject], bool] | None
    ) -> list[tuple[int, float]]:
        """As many of a ranking as are looked at further; of the rest nobody asks whether they fit."""
        if fits is not None:
            ranking = (pair for pair in ranking if fits(self._metadatas[pair[0]]))
        return list(islice(ranking, _DEPTH))

    def _by_vector(self, vector: Sequence[float]) -> Iterator[tuple[int, float]]:
        wanted = np.asarray(vector, dtype=np.float32)
        length = float(np.linalg.norm(wanted))
        if not length:
            return
        scores = self._matrix @ (wanted / length)
        for entry in np.argsort(-scores, kind="stable"):
            if scores[entry] <= 0:
                return
            yield int(entry), float(scores[entry])

    def _by_word(self, query: str) -> list[tuple[int, float]]:
        total = len(self._ids)
        scores: dict[int, float] = {}
        for word in set(words(query)):
            postings = self._postings.get(word, [])
            rarity = math.log(1 + (total - len(postings) + 0.5) / (len(postings) + 0.5))
            for entry, times in postings:
                norm = _K1 * (1 - _B + _B * self._lengths[entry] / self._mean_length)
                scores[entry] = scores.get(entry, 0.0) + rarity * times * (_K1 + 1) / (times + norm)
        return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def fused(*rankings: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Reciprocal rank fusion (Cormack et al., 2009), scaled so that first in every list is 1."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, (entry, _score) in enumerate(ranking):
            scores[entry] = scores.get(entry, 0.0) + (_FUSION_K + 1) / (_FUSION_K + 1 + rank) / len(rankings)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
