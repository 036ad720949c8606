"""text_splitter, embedder, vector_writer, retriever and extractive_answer, in English and Chinese."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.support.embedding import hash_embed
from sage_studio.plugins.support.splitting import sentences, split_characters, split_sentences
from sage_studio.plugins.support.words import words
from tests.nodes.running import failure_of, run_node
from tests.servers.http import Answer, ScriptedServer

PLACES = [
    "The warranty lasts two years on all parts.",
    "Our shop opens at nine in the morning.",
    "You may return a bike within thirty days.",
    "电池的保修期为两年。",
    "门店周日休息。",
]


def cosine(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


@given(
    st.text(alphabet="ab .。！\n,中文“”Dr", max_size=400),
    st.integers(20, 80),
    st.integers(0, 19),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_pieces_are_short_enough_and_lose_no_word(
    source: str, size: int, overlap: int, by_sentence: bool
) -> None:
    split = split_sentences if by_sentence else split_characters
    pieces = list(split(source, size, overlap))
    assert all(0 < len(piece.text) <= size for piece in pieces)
    assert all(source[piece.start : piece.end] == piece.text for piece in pieces)
    covered = {at for piece in pieces for at in range(piece.start, piece.end)}
    assert all(at in covered for at, letter in enumerate(source) if not letter.isspace())


def test_sentences_end_where_a_reader_ends_them() -> None:
    source = "Dr. Ada came. “Really?” she said. 他说：“你好！”然后走了。价格是3.5元。"
    found = [source[start:end].strip() for start, end in sentences(source)]
    assert found == [
        "Dr. Ada came.",
        "“Really?”",
        "she said.",
        "他说：“你好！”",
        "然后走了。",
        "价格是3.5元。",
    ]


async def test_pieces_keep_where_they_came_from(host: LocalHost) -> None:
    documents = [
        {"id": "d", "text": "One is here. Two is there. " * 4, "metadata": {"source": "a", "page": 2}}
    ]
    made = await run_node(
        "text_splitter", host, config={"size": 60, "overlap": 20}, inputs={"documents": documents}
    )
    assert made["count"] == len(made["chunks"]) > 1
    first = made["chunks"][0]["metadata"]
    assert (first["source"], first["page"], first["document_id"], first["start"]) == ("a", 2, "d", 0)
    assert len({chunk["id"] for chunk in made["chunks"]}) == made["count"]


async def test_an_overlap_as_large_as_the_size_is_refused(host: LocalHost) -> None:
    problem = await failure_of(
        "text_splitter", host, config={"size": 50, "overlap": 50}, inputs={"documents": []}
    )
    assert problem["code"] == "text_splitter.overlap"


def test_hashing_is_the_same_everywhere_and_of_length_one() -> None:
    vector = hash_embed(["The warranty lasts two years. 保修两年。"], 64)[0]
    assert vector[:4] == hash_embed(["The warranty lasts two years. 保修两年。"], 64)[0][:4]
    assert math.isclose(sum(number**2 for number in vector), 1, abs_tol=1e-3)
    assert hash_embed(["", "!?"], 64) == [[0.0] * 64] * 2


@pytest.mark.parametrize(
    ("question", "best"),
    [("warranties on parts", 0), ("when does the shop open?", 1), ("电池保修多久", 3), ("周日开门吗", 4)],
)
def test_hashed_wording_finds_the_nearest_text(question: str, best: int) -> None:
    asked, *vectors = hash_embed([question, *PLACES], 384)
    scores = [cosine(asked, vector) for vector in vectors]
    assert scores.index(max(scores)) == best


def test_words_of_any_language_are_found() -> None:
    assert words("The Returned bikes") == ["return", "bike"]
    assert words("保修两年") == ["保", "修", "两", "年", "保修", "修两", "两年"]
    assert words("the") == ["the"]


async def index(host: LocalHost, **config: Any) -> Any:
    chunks = [{"text": text, "metadata": {"source": f"s{n}"}} for n, text in enumerate(PLACES)]
    embedded = await run_node("embedder", host, inputs={"chunks": chunks})
    return await run_node(
        "vector_writer", host, config=config, inputs={**embedded, "embedded": embedded["embedded"]}
    )


async def test_writing_twice_changes_nothing_and_replace_empties_first(host: LocalHost) -> None:
    assert (await index(host))["count"] == 5
    assert (await index(host))["count"] == 5
    other = await run_node("embedder", host, inputs={"chunks": ["something else"]})
    made = await run_node("vector_writer", host, config={"replace": True}, inputs=other)
    assert made["count"] == 1


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "vector"])
async def test_retrieval_brings_the_passage_that_fits(host: LocalHost, mode: str) -> None:
    await index(host)
    for question, best in (("How long is the warranty?", 0), ("周日休息吗？", 4)):
        made = await run_node("retriever", host, config={"query": question, "top_k": 2, "mode": mode})
        assert made["documents"][0]["text"] == PLACES[best]
        assert made["text"].startswith(f"[s{best}]")


async def test_pieces_of_one_run_are_apart_from_the_others(host: LocalHost) -> None:
    made = await index(host, only_this_run=True)
    assert made["collection"] == "run:run:documents"
    assert (await run_node("retriever", host, config={"query": "warranty"}))["documents"] == []
    config = {"query": "warranty", "collection": made["collection"]}
    assert (await run_node("retriever", host, config=config))["documents"][0]["text"] == PLACES[0]


async def test_an_empty_collection_gives_no_passages(host: LocalHost) -> None:
    made = await run_node("retriever", host, config={"query": "x", "collection": "none"})
    assert made == {"documents": [], "text": ""}


async def test_a_collection_of_another_embedding_is_not_mixed(host: LocalHost) -> None:
    await index(host)
    other = await run_node("embedder", host, config={"dimensions": 64}, inputs={"chunks": ["x"]})
    assert (await failure_of("vector_writer", host, inputs=other))["code"] == "local.model_differs"


async def test_pieces_without_vectors_are_refused(host: LocalHost) -> None:
    problem = await failure_of("vector_writer", host, inputs={"embedded": [{"text": "x"}], "model": "m"})
    assert problem["code"] == "vector_writer.no_vectors"


async def test_an_embedding_service_is_asked_in_batches_and_again_for_the_question(
    tmp_path: Path, server: ScriptedServer
) -> None:
    def answer(count: int) -> Answer:
        entries = [{"index": n, "embedding": [float(n), 1.0]} for n in reversed(range(count))]
        return Answer(200, {"data": entries})

    server.answers["/v1/embeddings"] = [answer(10), answer(5), answer(1)]
    environ = {
        "SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8",
        "SAGE_CREDENTIAL_AI": "k-123456",
        "SAGE_CREDENTIAL_AI_HOSTS": "127.0.0.1",
    }
    config = {"provider": "api", "address": server.url + "/v1/", "model": "m", "credential": "ai"}
    with LocalHost(folder=tmp_path, environ=environ) as host:
        chunks = [f"text {n}" for n in range(15)]
        made = await run_node("embedder", host, config=config, inputs={"chunks": chunks})
        await run_node("vector_writer", host, inputs=made)
        found = await run_node("retriever", host, config={"query": "q", "credential": "ai", "mode": "vector"})
    assert made["model"] == f"api:m@{server.url}/v1"
    assert made["embedded"][11]["embedding"] == [1.0, 1.0]
    assert len(found["documents"]) == 5
    assert server.asked[0].json()["input"][0] == "text 0"
    assert server.asked[0].headers["Authorization"] == "Bearer k-123456"


@pytest.mark.parametrize(
    "answer", [Answer(500, "x"), Answer(200, {"data": [{"index": 0}]}), Answer(200, {"data": []})]
)
async def test_a_strange_answer_of_the_service_is_an_error(
    host: LocalHost, server: ScriptedServer, answer: Answer
) -> None:
    server.answers["/embeddings"] = answer
    config = {"provider": "api", "address": server.url}
    problem = await failure_of("embedder", host, config=config, inputs={"chunks": ["x"]})
    assert problem["code"] == "embedder.bad_answer"


async def test_the_answer_quotes_with_its_source_and_says_that_no_model_was_used(host: LocalHost) -> None:
    documents = [{"text": " ".join(PLACES[:3]), "metadata": {"source": "guide.pdf", "page": 4}}]
    made = await run_node(
        "extractive_answer",
        host,
        config={"question": "How long is the warranty?", "max_quotes": 1},
        inputs={"documents": documents},
    )
    assert made["quotes"][0]["text"] == PLACES[0]
    assert "no language model was used" in made["answer"]
    assert "guide.pdf, p. 4" in made["answer"]


async def test_the_answer_follows_the_language_of_the_question(host: LocalHost) -> None:
    made = await run_node(
        "extractive_answer", host, config={"question": "电池保修多久？"}, inputs={"documents": PLACES}
    )
    assert "未使用语言模型" in made["answer"]
    assert made["quotes"][0]["text"] == PLACES[3]


async def test_nothing_that_fits_is_said_so(host: LocalHost) -> None:
    made = await run_node(
        "extractive_answer", host, config={"question": "quantum chromodynamics"}, inputs={"documents": PLACES}
    )
    assert made["quotes"] == []
    assert made["answer"].startswith("None of the documents")


MARKDOWN = """Intro.

# Guide

Read this.

```sh
# not a heading
```

## Setup

Do that. """


async def split(host: LocalHost, source: str, **config: Any) -> list[Any]:
    made = await run_node("text_splitter", host, config=config, inputs={"documents": source})
    pieces: list[Any] = made["chunks"]
    return pieces


async def test_markdown_is_cut_at_its_headings_which_the_pieces_keep(host: LocalHost) -> None:
    pieces = await split(host, MARKDOWN, by="markdown", size=400)
    assert [piece["metadata"]["headings"] for piece in pieces] == [[], ["Guide"], ["Guide", "Setup"]]
    assert "# not a heading" in pieces[1]["text"]
    for piece in pieces:
        place = piece["metadata"]
        assert MARKDOWN[place["start"] : place["end"]] == piece["text"]


async def test_code_is_cut_between_definitions(host: LocalHost) -> None:
    source = "import os\n\n\n# Adds.\n@cached\ndef add(a, b):\n"
    source += "    def inner():\n        pass\n    return a + b\n\n\n"
    source += "class Tree:\n    def grow(self):\n        return 1\n\n\nexport async function later() {\n}\n"
    pieces = await split(host, source, by="code", size=100, overlap=0)
    assert [piece["metadata"]["names"] for piece in pieces] == [["add"], ["Tree", "later"]]
    assert pieces[0]["text"].startswith("import os")
    assert [piece["text"][:7] for piece in await split(host, source, by="code", size=85, overlap=0)][1:3] == [
        "# Adds.", "class T",
    ]  # fmt: skip


async def test_pieces_can_be_measured_in_tokens(host: LocalHost) -> None:
    chinese = await split(host, "数据" * 100, by="characters", measure="tokens", size=50, overlap=0)
    assert [len(piece["text"]) for piece in chinese] == [50, 50, 50, 50]
    english = await split(host, "one two " * 100, by="characters", measure="tokens", size=50, overlap=10)
    assert max(len(piece["text"].split()) for piece in english) in range(45, 52)
    assert english[0]["text"].split()[-5:] == english[1]["text"].split()[:5] or len(english) > 3
