"""Collections of vectors in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.files import services
from apps.files.models import VectorCollection
from sage_studio.kernel import SageError
from sage_studio.plugins.support.embedding import hash_embed
from tests.world import World

TEXTS = ["The warranty lasts two years.", "The shop opens at nine.", "门店周日休息。"]


def write(world: World, texts: list[str] = TEXTS, *, model: str = "hashing/64", **more: Any) -> int:
    return services.vectors_upsert(
        world.workspace.pk,
        "docs",
        ids=[text[:20] for text in texts],
        vectors=hash_embed(texts, int(model.split("/")[1])),
        texts=texts,
        metadatas=[{"n": number} for number, _text in enumerate(texts)],
        model=model,
        **more,
    )


def find(world: World, question: str, mode: str = "hybrid") -> list[str]:
    vector = hash_embed([question], 64)[0]
    hits = services.vectors_search(world.workspace.pk, "docs", vector, question, top_k=2, mode=mode)
    return [hit.text for hit in hits]


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "vector"])
def test_what_fits_best_comes_first(world: World, mode: str) -> None:
    assert write(world) == 3
    assert find(world, "how long is the warranty", mode)[0] == TEXTS[0]
    assert find(world, "周日营业吗", mode)[0] == TEXTS[2]


def test_a_write_is_seen_by_the_next_search(world: World) -> None:
    write(world)
    assert find(world, "purple elephants dance")[:1] != ["Purple elephants dance."]
    write(world, ["Purple elephants dance."])
    assert find(world, "purple elephants dance")[0] == "Purple elephants dance."


def test_equal_ids_replace_and_replace_empties_first(world: World) -> None:
    write(world)
    assert write(world) == 3
    assert write(world, TEXTS[:1], replace=True) == 1
    assert write(world, TEXTS[:2], model="hashing/128", replace=True) == 2
    assert services.vector_model(world.workspace.pk, "docs") == "hashing/128"
    assert write(world, [], replace=True) == 0
    assert services.vector_model(world.workspace.pk, "docs") is None
    assert write(world) == 3


def test_other_dimensions_and_models_are_refused(world: World) -> None:
    write(world)
    with pytest.raises(SageError, match="holds vectors of"):
        write(world, model="hashing/128")
    with pytest.raises(SageError, match="holds vectors of"):
        services.vectors_search(world.workspace.pk, "docs", [1.0], "x", top_k=1, mode="vector")
    assert len(find(world, "warranty")) >= 1


@pytest.mark.parametrize("vectors", [[[1.0], [1.0, 2.0]], [[float("nan")], [1.0]], [["x"], ["y"]], [[], []]])
def test_vectors_that_are_none_are_refused(world: World, vectors: Any) -> None:
    with pytest.raises(SageError, match="cannot be stored"):
        services.vectors_upsert(
            world.workspace.pk,
            "bad",
            ids=["a", "b"],
            vectors=vectors,
            texts=["", ""],
            metadatas=[{}, {}],
            model="m",
        )


def test_workspaces_do_not_share_collections(world: World) -> None:
    write(world)
    assert services.vector_model(world.elsewhere.pk, "docs") is None
    assert services.vectors_search(world.elsewhere.pk, "docs", [0.0] * 64, "x", top_k=3, mode="hybrid") == []


def test_what_a_run_kept_for_itself_goes_after_a_day(world: World) -> None:
    def write_for(run: str) -> None:
        services.vectors_upsert(
            world.workspace.pk,
            f"run:{run}:docs",
            ids=["a"],
            vectors=[[1.0]],
            texts=["a"],
            metadatas=[{}],
            model="m",
        )

    write(world)
    write_for("old")
    long_ago = timezone.now() - timedelta(days=2)
    VectorCollection.objects.filter(workspace=world.workspace).update(created_at=long_ago)
    write_for("new")
    names = VectorCollection.objects.filter(workspace=world.workspace).values_list("name", flat=True)
    assert set(names) == {"docs", "run:new:docs"}
