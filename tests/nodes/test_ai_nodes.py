"""Nodes around models, against servers that speak the services' protocols."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_flow_here, run_node
from tests.servers.http import Answer, ScriptedServer
from tests.servers.models import KEY, ModelServer
from tests.servers.models_openai import PNG, letters

PASSAGES = [
    {"id": "a", "text": "We open at nine.", "metadata": {"source": "x", "lang": "en"}},
    {"id": "b", "text": "The warranty lasts two years.", "metadata": {"source": "y", "lang": "en"}},
    {"id": "c", "text": "Die Garantie gilt zwei Jahre.", "metadata": {"source": "z", "lang": "de"}},
]


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def asking(tmp_path: Path, model: ModelServer) -> Iterator[LocalHost]:
    environ = {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": model.url,
        "SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8",
        "SAGE_CREDENTIAL_OWN": KEY,
        "SAGE_CREDENTIAL_OWN_HOSTS": "127.0.0.1",
    }
    with LocalHost(folder=tmp_path / "out", environ=environ) as host:
        yield host


def openai(model: ModelServer) -> dict[str, Any]:
    return {"protocol": "openai", "address": f"{model.url}/v1", "model": "m", "credential": "own"}


# llm


async def test_an_answer_of_a_shape_comes_out_as_data(asking: LocalHost, model: ModelServer) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    model.says('```json\n{"n": 3}\n```')
    made = await run_node("llm", asking, config={"prompt": "Count.", "schema": schema})
    assert made["data"] == {"n": 3}
    assert json.loads(made["text"]) == {"n": 3}


async def test_an_answer_that_does_not_fit_is_asked_for_once_more(
    asking: LocalHost, model: ModelServer
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    model.says('{"n": "three"}', '{"n": 3}')
    made = await run_node("llm", asking, config={"prompt": "Count.", "schema": schema, **openai(model)})
    assert (made["data"], made["usage"]["calls"], made["usage"]["input_tokens"]) == ({"n": 3}, 2, 40)
    assert "not of type" in model.prompts()[1]["messages"][-1]["content"]
    model.says("I would rather not.")
    problem = await failure_of("llm", asking, config={"prompt": "Count.", "schema": schema})
    assert problem["code"] == "llm.not_in_shape"


@pytest.mark.parametrize("schema", [{"type": "nope"}, {"$ref": "https://example.org/schema.json"}])
async def test_a_schema_that_cannot_be_used_is_refused(
    asking: LocalHost, model: ModelServer, schema: dict[str, Any]
) -> None:
    problem = await failure_of("llm", asking, config={"prompt": "x", "schema": schema})
    assert problem["code"] == "llm.bad_schema"
    assert not model.asked


async def test_a_conversation_goes_on_and_pictures_are_seen(
    asking: LocalHost, model: ModelServer, tmp_path: Path
) -> None:
    (tmp_path / "dot.png").write_bytes(PNG)
    model.says("A dot.")
    before = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}]
    inputs = {"messages": before, "images": str(tmp_path / "dot.png")}
    made = await run_node("llm", asking, config={"prompt": "And this?"}, inputs=inputs)
    assert [turn["content"] for turn in made["messages"]] == ["Hello", "Hi.", "And this?", "A dot."]
    assert model.prompts()[0]["messages"][-1]["content"][0]["type"] == "image"
    (tmp_path / "no.png").write_bytes(b"<svg onload=alert(1)>")
    bad = {"images": str(tmp_path / "no.png")}
    assert (await failure_of("llm", asking, config={"prompt": "x"}, inputs=bad))["code"] == "llm.bad_picture"


async def test_tokens_are_a_stream_in_flows_that_stream(asking: LocalHost, model: ModelServer) -> None:
    model.says("One two three.")
    body = {
        "schema": "sage-studio/flow@1",
        "settings": {"mode": "streaming"},
        "nodes": [
            {"id": "llm", "type": "llm", "config": {"prompt": "Count."}},
            {"id": "take", "type": "stream_take", "config": {"count": 2}},
        ],
        "edges": [{"source": "llm", "source_port": "tokens", "target": "take", "target_port": "items"}],
    }
    result = await run_flow_here(body, asking)
    assert result.state == "completed", result.error
    assert result.outputs["take"]["items"] == ["One", " two"]


# Classes, facts, feelings


async def test_a_text_is_put_into_a_class(asking: LocalHost, model: ModelServer) -> None:
    model.says('{"category": "complaint", "reason": "It never came."}')
    config = {"text": "Where is it?", "categories": {"complaint": "", "question": "Asks something"}}
    made = await run_node("llm_classifier", asking, config=config)
    assert (made["category"], made["reason"]) == ("complaint", "It never came.")
    shape = model.prompts()[0]["output_config"]["format"]["schema"]
    assert shape["properties"]["category"]["enum"] == ["complaint", "question"]
    model.says('{"categories": [], "reason": "none"}')
    made = await run_node("llm_classifier", asking, config={**config, "several": True, "otherwise": "other"})
    assert (made["category"], made["categories"]) == ("other", [])


async def test_facts_are_taken_out_of_a_text(asking: LocalHost, model: ModelServer) -> None:
    model.says('{"name": "Ada", "age": 36, "city": null}')
    fields = {"name": "", "age": "integer: in years", "city": "where from"}
    config = {"text": "Ada, 36.", "fields": fields, **openai(model)}
    made = await run_node("llm_extractor", asking, config=config)
    assert (made["data"]["age"], made["missing"]) == (36, ["city"])
    strict = model.prompts()[0]["response_format"]["json_schema"]
    assert strict["strict"] is True
    assert strict["schema"]["properties"]["age"] == {"type": ["integer", "null"], "description": "in years"}


@pytest.mark.parametrize(
    ("words", "sentiment"),
    [
        ("I love it, works great!", "positive"),
        ("Not good at all, it broke.", "negative"),
        ("The food was nice but the service was terrible.", "negative"),
        ("It is a table.", "neutral"),
        ("服务很好，我非常满意！", "positive"),
        ("质量太差了，非常失望。", "negative"),
        ("不太好用", "negative"),
        ("今天星期三。", "neutral"),
    ],
)
async def test_feelings_are_told_by_words(host: LocalHost, words: str, sentiment: str) -> None:
    assert (await run_node("sentiment", host, config={"text": words}))["sentiment"] == sentiment


# Answers from documents


async def indexed(host: LocalHost, **config: Any) -> None:
    made = await run_node("embedder", host, config=config, inputs={"chunks": PASSAGES})
    inputs = {"embedded": made["embedded"], "model": made["model"]}
    await run_node("vector_writer", host, config={"collection": "c"}, inputs=inputs)


async def test_a_question_is_answered_from_documents_with_references(
    asking: LocalHost, model: ModelServer
) -> None:
    await indexed(asking)
    model.says("How long is the warranty?", "Two years [1].")
    history = [{"role": "user", "content": "Tell me of the warranty."}]
    config = {"query": "How long is it?", "collection": "c", "where": {"lang": "en"}}
    made = await run_node("rag_chain", asking, config=config, inputs={"messages": history})
    assert made["answer"] == "Two years [1]."
    assert made["citations"][0]["source"] == "y"
    assert {entry["metadata"]["lang"] for entry in made["documents"]} == {"en"}
    nothing = {"query": "x", "collection": "empty"}
    assert "None of the documents" in (await run_node("rag_chain", asking, config=nothing))["answer"]


async def test_without_a_model_the_documents_are_quoted(host: LocalHost) -> None:
    await indexed(host)
    made = await run_node("rag_chain", host, config={"query": "How long is the warranty?", "collection": "c"})
    assert "The warranty lasts two years." in made["answer"]
    assert made["citations"][0]["source"] == "y"


@pytest.mark.parametrize("where", [{"lang": {"like": "x"}}, {"lang": {"gte": [1]}}, {"": 1}])
async def test_a_filter_that_cannot_be_used_is_refused(host: LocalHost, where: dict[str, Any]) -> None:
    await indexed(host)
    config = {"query": "x", "collection": "c", "where": where}
    assert (await failure_of("retriever", host, config=config))["code"] == "retriever.bad_filter"


# Rerankers and embedders


async def test_passages_are_put_in_order_by_words(host: LocalHost) -> None:
    config = {"query": "How long is the warranty?", "top_k": 2}
    made = await run_node("reranker", host, config=config, inputs={"documents": PASSAGES})
    assert made["documents"][0]["id"] == "b"
    twice = [*PASSAGES, {"id": "d", "text": "The warranty lasts two years!", "metadata": {}}]
    made = await run_node("reranker", host, config={**config, "varied": True}, inputs={"documents": twice})
    ids = [entry["id"] for entry in made["documents"]]
    assert ids[0] == "b"
    assert "d" not in ids


@pytest.mark.parametrize(
    ("by", "path", "answer"),
    [
        (
            "cohere",
            "",
            {"results": [{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]},
        ),
        (
            "jina",
            "",
            {"results": [{"index": 2, "relevance_score": 0.9}, {"index": 1, "relevance_score": 0.1}]},
        ),
        ("tei", "/rerank", [{"index": 2, "score": 0.9}, {"index": 1, "score": 0.1}]),
    ],
)
async def test_rerank_services_are_asked_in_their_words(
    host: LocalHost, server: ScriptedServer, by: str, path: str, answer: Any
) -> None:
    server.answers[path or "/"] = Answer(200, answer)
    config = {"query": "Garantie?", "by": by, "service_address": server.url, "top_k": 1, "service_model": "m"}
    made = await run_node("reranker", host, config=config, inputs={"documents": PASSAGES})
    assert (made["documents"][0]["id"], made["scores"]) == ("c", [0.9])
    assert server.asked[0].json()["texts" if by == "tei" else "documents"][0] == "We open at nine."
    server.answers[path or "/"] = Answer(200, [{"index": 7, "score": 1}])
    problem = await failure_of("reranker", host, config=config, inputs={"documents": PASSAGES})
    assert problem["code"] == "reranker.bad_answer"


async def test_a_model_puts_passages_in_order(asking: LocalHost, model: ModelServer) -> None:
    model.says('{"marks": [{"number": 3, "mark": 9}, {"number": 9, "mark": 10}]}')
    config = {"query": "Garantie?", "by": "llm", "top_k": 1}
    made = await run_node("reranker", asking, config=config, inputs={"documents": PASSAGES})
    assert (made["documents"][0]["id"], made["scores"]) == ("c", [0.9])


async def test_texts_are_embedded_by_services_of_both_kinds(
    asking: LocalHost, model: ModelServer, server: ScriptedServer
) -> None:
    config = {"provider": "api", "address": f"{model.url}/v1", "model": "e", "credential": "own"}
    made = await run_node("embedder", asking, config=config, inputs={"chunks": PASSAGES})
    assert made["embedded"][0]["embedding"] == letters("We open at nine.")
    server.answers["/embed"] = Answer(200, [[1.0, 0.0]] * 3)
    by_sage = {**config, "provider": "sage"}
    sage = await run_node("embedder", asking, config=by_sage, inputs={"chunks": PASSAGES})
    assert sage["embedded"] == made["embedded"]
    assert sage["model"] == f"sage:e@{model.url}/v1"
    config = {"provider": "tei", "address": server.url, "model": "bge-m3"}
    made = await run_node("embedder", asking, config=config, inputs={"chunks": PASSAGES})
    assert made["model"] == f"tei:bge-m3@{server.url}"
    assert server.asked[0].json()["inputs"] == [entry["text"] for entry in PASSAGES]


async def test_a_local_model_that_is_not_there_says_what_to_install(
    host: LocalHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGE_MINILM_DIR", "/nonexistent")
    problem = await failure_of("embedder", host, config={"provider": "minilm"}, inputs={"chunks": PASSAGES})
    assert problem["code"] == "embedder.not_installed"
    assert "pip install" in problem["hint"]


# Pictures and speech


@pytest.mark.parametrize("drawn_by", ["openai", "stable_diffusion"])
async def test_pictures_are_made_and_stored(
    asking: LocalHost, model: ModelServer, server: ScriptedServer, tmp_path: Path, drawn_by: str
) -> None:
    import base64

    server.answers["/sdapi/v1/txt2img"] = Answer(200, {"images": [base64.b64encode(PNG).decode()] * 2})
    address = f"{model.url}/v1" if drawn_by == "openai" else server.url
    config = {"prompt": "A dot", "by": drawn_by, "address": address, "count": 2, "credential": "own"}
    made = await run_node("image_generator", asking, config=config)
    assert [file["name"] for file in made["images"]] == ["picture.png", "picture-2.png"]
    assert (tmp_path / "out/picture.png").read_bytes() == PNG
    assert made["image"]["mime"] == "image/png"


async def test_speech_is_written_down(asking: LocalHost, model: ModelServer, tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(b"RIFFxxxxWAVE")
    config = {
        "file": str(tmp_path / "talk.wav"),
        "address": f"{model.url}/v1",
        "credential": "own",
        "language": "en",
    }
    made = await run_node("speech_to_text", asking, config=config)
    assert (made["text"], made["segments"][0]["end"]) == ("Hello there.", 1.5)
    assert model.media["heard"]["language"] == b"en"
    (tmp_path / "talk.exe").write_bytes(b"MZ")
    problem = await failure_of(
        "speech_to_text", asking, config={**config, "file": str(tmp_path / "talk.exe")}
    )
    assert problem["code"] == "speech_to_text.bad_recording"


@pytest.mark.parametrize("node", ["sage_retriever", "sage_pipeline", "sage_agent"])
async def test_without_sage_the_node_says_what_to_install(host: LocalHost, node: str) -> None:
    config = {"task" if node == "sage_agent" else "query": "x"}
    problem = await failure_of(node, host, config=config)
    assert problem["code"] == "sage.not_installed"
    assert "pip install isage" in problem["hint"]
