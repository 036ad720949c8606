"""``ctx.llm`` against servers that speak the two protocols: what leaves, what comes back, what goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

import pytest

from sage_studio.egress import EgressPolicy
from sage_studio.kernel import SageError
from sage_studio.plugins.models.client import Models
from sage_studio.sdk import LlmImage, LlmMessage, LlmTool, ModelService, Usage
from tests.servers.models import KEY, ModelServer, Said
from tests.servers.models_openai import PNG

LOOPBACK = EgressPolicy(networks=(ip_network("127.0.0.0/8"),))
WEATHER = LlmTool(
    name="weather",
    description="The weather of a city",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
SHAPE: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}},
    "required": ["a"],
}
both = pytest.mark.parametrize("protocol", ["anthropic", "openai"])


async def credentials(name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
    if name == "elsewhere" and host != "api.example.org":
        raise AssertionError("a credential was opened for a host it does not allow")
    return {"api_key": KEY}


class Asked:
    """A client for one protocol, and the server behind it."""

    def __init__(self, server: ModelServer, protocol: str) -> None:
        self.server = server
        path = "" if protocol == "anthropic" else "/v1"
        self.models = Models(api_key="", policy=LOOPBACK, credentials=credentials)
        self.where = {
            "service": ModelService(protocol, f"{server.url}{path}"),  # type: ignore[arg-type]
            "credential": "own",
        }
        self.heard: list[str] = []

    async def chat(self, prompt: str = "Hi", **ask: Any) -> Any:
        given = {"model": "some-model", **self.where, **ask}
        return await self.models.chat(prompt=prompt, **given)

    async def hear(self, piece: str) -> None:
        self.heard.append(piece)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
def asked(server: ModelServer, protocol: str) -> Asked:
    return Asked(server, protocol)


async def failing(asked: Asked, said: Said, **ask: Any) -> SageError:
    asked.server.says(said)
    with pytest.raises(SageError) as caught:
        await asked.chat(**ask)
    return caught.value


@both
async def test_an_answer_comes_whole_and_in_pieces_alike(asked: Asked) -> None:
    asked.server.says(Said("One two three.", input_tokens=30, output_tokens=4, cache_read=12))
    whole = await asked.chat(system="Be short.")
    pieces = await asked.chat(system="Be short.", on_text=asked.hear)
    assert whole == pieces
    assert asked.heard == ["One", " two", " three."]
    counted = (whole["input_tokens"], whole["output_tokens"], whole["cache_read_tokens"])
    assert (whole["text"], whole["stop_reason"], counted) == ("One two three.", "end_turn", (30, 4, 12))


@both
@pytest.mark.parametrize("streamed", [False, True])
async def test_tools_are_called_and_their_results_go_back(asked: Asked, streamed: bool) -> None:
    more: dict[str, Any] = {"on_text": asked.hear} if streamed else {}
    calls = (("weather", {"city": "Köln"}), ("weather", {"city": "Bonn"}))
    asked.server.says(Said("Let me look.", calls=calls), "Sunny.")
    reply = await asked.chat(tools=[WEATHER], **more)
    assert reply["stop_reason"] == "tool_use"
    assert [call["arguments"] for call in reply["tool_calls"]] == [{"city": "Köln"}, {"city": "Bonn"}]
    turns = [
        LlmMessage(role="user", content="Hi"),
        LlmMessage(role="assistant", content=reply["text"], tool_calls=reply["tool_calls"]),
        *(
            LlmMessage(role="tool", content="20", tool_call_id=call["id"], is_error=False)
            for call in reply["tool_calls"]
        ),
    ]
    again = await asked.chat("", messages=turns, tools=[WEATHER], must_call="-", **more)
    assert again["text"] == "Sunny."


@both
async def test_a_shape_is_asked_for_in_the_form_the_service_wants(asked: Asked) -> None:
    asked.server.says('{"a": {"b": 1}}')
    reply = await asked.chat(schema=SHAPE)
    assert json.loads(reply["text"]) == {"a": {"b": 1}}
    sent = json.dumps(asked.server.prompts()[0])
    assert sent.count('"additionalProperties": false') == 2


@both
async def test_pictures_go_along(asked: Asked) -> None:
    asked.server.says("A dot.")
    await asked.chat("What is it?", images=[LlmImage("image/png", PNG)])
    parts = asked.server.prompts()[0]["messages"][0]["content"]
    assert {part["type"] for part in parts} in ({"image", "text"}, {"image_url", "text"})


async def test_arguments_that_are_no_json_are_told_apart(server: ModelServer) -> None:
    asked = Asked(server, "openai")
    server.says(Said("", calls=(("weather", '{"city": "Kö'),)))
    assert (await asked.chat(tools=[WEATHER]))["tool_calls"][0]["arguments"] is None


@both
@pytest.mark.parametrize(
    ("said", "code", "retry_after_s"),
    [
        (Said(status=401), "llm.refused", None),
        (Said(status=400), "llm.refused", None),
        (Said(status=429, headers={"retry-after": "60"}), "llm.busy", 60.0),
        (Said(status=529, headers={"retry-after-ms": "1"}), "llm.busy", 0.001),
        (Said(status=500, headers={"x-should-retry": "false"}), "llm.busy", None),
        (Said(status=429, code="insufficient_quota", kind="insufficient_quota"), "llm.refused", None),
    ],
)
async def test_refusals_say_whether_to_try_again_and_when(
    asked: Asked, said: Said, code: str, retry_after_s: float | None
) -> None:
    failure = await failing(asked, said)
    assert failure.code.code == code
    assert failure.facts.get("retry_after_s") == retry_after_s
    assert failure.can_retry is (code == "llm.busy")


@both
async def test_a_busy_service_is_asked_again_after_as_long_as_it_says(asked: Asked) -> None:
    asked.server.says(
        Said(status=429, headers={"retry-after-ms": "1"}),
        Said(status=529, headers={"retry-after-ms": "1"}),
        "At last.",
    )
    assert (await asked.chat())["text"] == "At last."


@both
@pytest.mark.parametrize("said", [Said("One two three four.", fails_after=2), Said("a b c d", cut_after=2)])
async def test_an_answer_that_breaks_off_is_counted_and_not_begun_anew(asked: Asked, said: Said) -> None:
    used = Usage()
    failure = await failing(asked, said, on_text=asked.hear, usage=used)
    assert (failure.code.code, failure.can_retry) == ("llm.broken_off", True)
    assert len(asked.heard) == 2
    assert len(asked.server.asked) == 1
    assert used.input_tokens > 0
    assert used.output_tokens > 0


@both
async def test_who_is_cancelled_hangs_up(asked: Asked) -> None:
    asked.server.says(Said("a " * 4_000, held_after=1))
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(asked.chat(on_text=asked.hear))
        await asyncio.to_thread(asked.server.waiting.wait, 30)
        asking.cancel()
    asked.server.released.set()
    assert await asyncio.to_thread(asked.server.gone.wait, 30)


@both
async def test_what_the_process_has_in_its_environment_stays_there(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_CUSTOM_HEADERS", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, "X-Leak: secret")
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, "secret-of-the-process")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    asked.server.says("Fine.")
    await asked.chat()
    headers = asked.server.asked[0].headers
    assert not any("secret" in value for value in headers.values())
    assert not any(name.startswith(("x-stainless", "x-leak", "openai-")) for name in headers)


async def test_the_key_of_the_instance_goes_to_its_own_address_alone(server: ModelServer) -> None:
    server.media["open"] = True
    server.says("Fine.")
    own = Models(api_key=KEY, address="https://api.example.org", policy=LOOPBACK, credentials=credentials)
    await own.chat(prompt="x", model="m", service=ModelService("openai", f"{server.url}/v1"))
    with pytest.raises(SageError):
        await own.chat(prompt="x", model="m", service=ModelService("anthropic", server.url))
    for asked in server.asked:
        assert "x-api-key" not in asked.headers
        assert "authorization" not in asked.headers


async def test_an_address_inside_is_refused_unless_the_operator_allows_or_set_it(server: ModelServer) -> None:
    server.says("Fine.")
    models = Models(api_key=KEY, address=server.url, policy=EgressPolicy(), credentials=credentials)
    assert (await models.chat(prompt="x"))["text"] == "Fine."
    with pytest.raises(SageError) as caught:
        await models.chat(prompt="x", model="m", service=ModelService("openai", f"{server.url}/v1"))
    assert caught.value.code.code == "http.refused"
    assert len(server.asked) == 1


async def test_who_names_neither_key_nor_model_is_told_so() -> None:
    models = Models(api_key="", policy=LOOPBACK, credentials=credentials)
    for service, model, code in (
        (None, None, "llm.no_model"),
        (ModelService("openai"), "m", "llm.no_model"),
        (ModelService("openai", "http://127.0.0.1:9/v1"), None, "llm.no_model_name"),
    ):
        with pytest.raises(SageError) as caught:
            await models.chat(prompt="x", model=model, service=service)
        assert caught.value.code.code == code


async def test_an_answer_takes_no_longer_than_it_may(server: ModelServer) -> None:
    server.says(Said("a b c", held_after=1))
    asked = Asked(server, "anthropic")
    with pytest.raises(SageError) as caught:
        await asked.chat(on_text=asked.hear, timeout_s=0.05)
    assert (caught.value.code.code, caught.value.can_retry) == ("llm.too_slow", True)


async def test_vectors_pictures_and_words_by_openai(server: ModelServer) -> None:
    asked = Asked(server, "openai")
    where: Any = asked.where
    made = await asked.models.embed(["abc", "b"], model="e", **where)
    assert [vector[:3] for vector in made.vectors] == [[1, 1, 1], [0, 1, 0]]
    drawn = await asked.models.draw("x", model="gpt-image-1", settings={"n": 2}, **where)
    assert [image.content for image in drawn.images] == [PNG, PNG]
    assert drawn.usage.output_tokens == 4_160
    said = await asked.models.transcribe(
        b"RIFF", name="a.wav", model="whisper-1", settings={"response_format": "verbose_json"}, **where
    )
    assert (said.text, said.language, said.duration_s) == ("Hello there.", "english", 1.5)
    assert said.segments == [{"start": 0.0, "end": 1.5, "text": "Hello there."}]
    assert server.media["heard"]["file"] == b"RIFF"
