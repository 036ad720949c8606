"""Collections of embedded texts: stored as rows, searched in memory.

The searchable form of a collection is built once per revision and process and kept while it is
among the most recently used; a write makes a new revision, so nobody searches what is outdated.
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from django.db.models import F
from django.utils import timezone

from apps.common.db import write_transaction
from apps.files.errors import VECTORS_BAD, VECTORS_DIFFER
from apps.files.models import VectorCollection, VectorEntry
from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.support.search import RUN_PREFIX, VectorIndex
from sage_studio.sdk import VectorHit

MAX_ENTRIES = 200_000
RUN_COLLECTIONS_KEPT_FOR = timedelta(days=1)
_CACHED = 16
_BATCH = 500


class _IndexCache:
    """The most recently used indexes of this process."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._held: OrderedDict[uuid.UUID, tuple[int, VectorIndex]] = OrderedDict()

    def get(self, collection: VectorCollection) -> VectorIndex:
        with self._lock:
            held = self._held.get(collection.pk)
            if held is not None and held[0] == collection.revision:
                self._held.move_to_end(collection.pk)
                return held[1]
        index = _build(collection)
        with self._lock:
            self._held[collection.pk] = (collection.revision, index)
            self._held.move_to_end(collection.pk)
            while len(self._held) > self._size:
                self._held.popitem(last=False)
        return index


_cache = _IndexCache(_CACHED)


def _build(collection: VectorCollection) -> VectorIndex:
    rows = list(collection.entries.order_by("pk").values_list("key", "text", "metadata", "vector"))
    raw = b"".join(bytes(row[3]) for row in rows)
    matrix = np.frombuffer(raw, dtype="<f4").reshape(len(rows), collection.dimensions)
    return VectorIndex([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], matrix)


def _find(workspace_id: uuid.UUID, name: str) -> VectorCollection | None:
    return VectorCollection.objects.filter(workspace_id=workspace_id, name=name).first()


def vector_model(workspace_id: uuid.UUID, name: str) -> str | None:
    """The embedding a collection was written with; None when it is empty or not there."""
    collection = _find(workspace_id, name)
    return collection.model if collection and collection.entries.exists() else None


def vectors_search(
    workspace_id: uuid.UUID,
    name: str,
    vector: Sequence[float],
    query: str,
    *,
    top_k: int,
    mode: str,
    where: JsonObject | None = None,
) -> list[VectorHit]:
    """The best entries, of those whose metadata fit ``where``. Raises SageError ``vectors.differ`` for a
    question embedded another way."""
    collection = _find(workspace_id, name)
    if collection is None:
        return []
    if len(vector) != collection.dimensions:
        _refuse(collection, f"{len(vector)} dimensions")
    return _cache.get(collection).search(vector, query, top_k=top_k, mode=mode, where=where)


def vectors_upsert(
    workspace_id: uuid.UUID,
    name: str,
    *,
    ids: Sequence[str],
    vectors: Sequence[Sequence[float]],
    texts: Sequence[str],
    metadatas: Sequence[JsonObject],
    model: str,
    replace: bool = False,
) -> int:
    """Write entries; with ``replace`` they become all there is. Returns how many there are then.

    Raises SageError ``vectors.differ`` or ``vectors.bad``.
    """
    packed, dimensions = _packed(vectors)
    with write_transaction():
        if name.startswith(RUN_PREFIX):
            _drop_outlived(workspace_id)
        collection, made = VectorCollection.objects.get_or_create(
            workspace_id=workspace_id, name=name, defaults={"model": model, "dimensions": dimensions}
        )
        collection = VectorCollection.objects.select_for_update().get(pk=collection.pk)
        if replace:
            collection.entries.all().delete()
        if not made and (replace or not collection.entries.exists()):
            VectorCollection.objects.filter(pk=collection.pk).update(model=model, dimensions=dimensions)
        elif packed and (collection.model, collection.dimensions) != (model, dimensions):
            _refuse(collection, f"{model} ({dimensions} dimensions)")
        VectorEntry.objects.bulk_create(
            [
                VectorEntry(collection=collection, key=key, text=text, metadata=metadata, vector=vector)
                for key, text, metadata, vector in zip(ids, texts, metadatas, packed, strict=True)
            ],
            batch_size=_BATCH,
            update_conflicts=True,
            unique_fields=["collection", "key"],
            update_fields=["text", "metadata", "vector"],
        )
        count = collection.entries.count()
        if count > MAX_ENTRIES:
            raise SageError(VECTORS_BAD, {"reason": f"more than {MAX_ENTRIES} entries"})
        VectorCollection.objects.filter(pk=collection.pk).update(revision=F("revision") + 1)
    return count


def _drop_outlived(workspace_id: uuid.UUID) -> None:
    """Remove what runs of the past left for themselves alone."""
    VectorCollection.objects.filter(
        workspace_id=workspace_id,
        name__startswith=RUN_PREFIX,
        created_at__lt=timezone.now() - RUN_COLLECTIONS_KEPT_FOR,
    ).delete()


def _packed(vectors: Sequence[Sequence[float]]) -> tuple[list[bytes], int]:
    if not vectors:
        return [], 0
    try:
        matrix = np.asarray(vectors, dtype="<f4")
    except (ValueError, TypeError) as error:
        raise SageError(VECTORS_BAD, {"reason": "they differ in length or are not numbers"}) from error
    if matrix.ndim != 2 or not matrix.shape[1] or not np.isfinite(matrix).all():
        raise SageError(VECTORS_BAD, {"reason": "they differ in length or are not numbers"})
    return [row.tobytes() for row in matrix], int(matrix.shape[1])


def _refuse(collection: VectorCollection, given: str) -> None:
    stored = f"{collection.model} ({collection.dimensions} dimensions)"
    raise SageError(VECTORS_DIFFER, {"collection": collection.name, "stored": stored, "given": given})
