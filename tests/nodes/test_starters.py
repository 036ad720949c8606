"""The ready flows run at once, in both languages, without a key; with one the model answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sage_studio.flow import parse, validate
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import builtin_registry
from tests.nodes.running import run_flow_here
from tests.nodes.test_llm import MESSAGE
from tests.servers.http import Answer, ScriptedServer

FOLDER = Path(__file__).parents[2] / "apps" / "flows" / "starters"
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


def starter(name: str, language: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((FOLDER / f"{name}.{language}.json").read_text())
    parse(json.dumps(body))
    return body


def outputs_of(result: Any, node_type: str) -> Any:
    return next(value for node, value in result.outputs.items() if node.startswith(node_type))


@LANGUAGES
@pytest.mark.parametrize("name", ["ask_documents", "clean_csv", "watch_address"])
def test_ready_flows_have_nothing_to_correct(name: str, language: str) -> None:
    document = parse(json.dumps(starter(name, language)))
    assert validate(document, builtin_registry()) == []


@LANGUAGES
async def test_ask_your_documents_quotes_without_a_key(host: LocalHost, language: str) -> None:
    result = await run_flow_here(starter("ask_documents", language), host)
    assert result.state == "completed"
    answer = outputs_of(result, "merge")["value"]
    expected = {"en": ("no language model was used", "500 full charging cycles", "handbook.pdf, p. 2"),
                "zh": ("未使用语言模型", "500次完整充电循环", "guide-zh.txt")}[language]  # fmt: skip
    assert all(part in answer for part in expected)


async def test_ask_your_documents_reads_what_a_person_gives(host: LocalHost, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("The moon base opens in March. It has forty rooms.")
    body = starter("ask_documents", "en")
    result = await run_flow_here(body, host, text="How many rooms has the moon base?", files=[str(own)])
    answer = outputs_of(result, "merge")["value"]
    assert "forty rooms" in answer
    assert "own.txt" in answer


async def test_ask_your_documents_lets_a_configured_model_answer(
    tmp_path: Path, server: ScriptedServer
) -> None:
    server.answers["/v1/messages"] = Answer(200, MESSAGE)
    environ = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": server.url}
    with LocalHost(folder=tmp_path, environ=environ) as host:
        result = await run_flow_here(starter("ask_documents", "en"), host)
    assert outputs_of(result, "merge")["value"] == "Two years."
    assert "500 full charging" in server.asked[0].json()["messages"][0]["content"]
    assert result.node_state("extractive_answer_x8q4") == "skipped"


@LANGUAGES
async def test_clean_a_csv_sums_100_000_rows_by_country(
    host: LocalHost, tmp_path: Path, language: str
) -> None:
    result = await run_flow_here(starter("clean_csv", language), host)
    assert result.state == "completed"
    summary = (tmp_path / "out" / "orders-by-country.csv").read_text().splitlines()
    dropped = (tmp_path / "out" / "dropped-orders.csv").read_text().splitlines()
    assert summary[0] == "country,orders,revenue,average"
    assert {line.split(",")[0] for line in summary[1:]} == {
        "Germany", "France", "China", "Spain", "Japan", "Brazil", "Canada", "Kenya"
    }  # fmt: skip
    assert sum(int(line.split(",")[1]) for line in summary[1:]) + len(dropped) - 1 == 100_000


@LANGUAGES
@pytest.mark.parametrize(("status", "level"), [(200, "success"), (503, "error")])
async def test_watch_an_address_tells_how_it_went(
    tmp_path: Path,
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    *,
    language: str,
    status: int,
    level: str,
) -> None:
    """The instance's own health route is allowed by name; loopback as such is not."""
    server.answers["/healthz"] = Answer(status, "x")
    with LocalHost(folder=tmp_path, environ={"SAGE_BASE_URL": server.url}) as host:
        body = starter("watch_address", language)
        body["nodes"][1]["config"]["retries"] = 0
        result = await run_flow_here(body, host)
        assert result.state == "completed"
        body["nodes"][1]["config"]["url"] = server.url + "/other"
        await run_flow_here(body, host)
    told = capsys.readouterr().out
    assert told.startswith(f"[{level}]")
    assert [asked.path for asked in server.asked] == ["/healthz"]


async def test_watch_an_address_tells_when_nothing_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with LocalHost(folder=tmp_path, environ={"SAGE_BASE_URL": "http://127.0.0.1:9"}) as host:
        body = starter("watch_address", "en")
        body["nodes"][1]["config"]["retries"] = 0
        await run_flow_here(body, host)
    assert "cannot be reached" in capsys.readouterr().out
