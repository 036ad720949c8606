"""A plug-in of a third party, made by the command line's own template, in a running product: installed, used,
updated while a run of the old one waits and its worker dies, removed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeRun, Run
from sage_studio.cli import main as sage_studio
from tests.catalogue.test_plugins import install
from tests.executions.conftest import CALM, leases_run_out
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.executions.processes import WorkerProcess
from tests.world import World, make_world

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]
REPEAT = "acme_words_repeat"


@pytest.fixture
def people(transactional_db: None) -> World:
    return make_world()


@pytest.fixture
def worker_process(tmp_path: Path, transactional_db: None) -> Iterator[WorkerProcess]:
    process = WorkerProcess("story", tmp_path / "worker.log")
    yield process
    process.kill()


@pytest.fixture
def rescue(transactional_db: None) -> Iterator[Callable[[], None]]:
    started: list[RunWorker] = []

    def begin() -> None:
        started.append(RunWorker(times=CALM, node_threads=2))
        started[-1].start()

    yield begin
    for worker in started:
        worker.stop()


def made(folder: Path) -> Path:
    """What ``plugin new`` makes."""
    assert sage_studio(["plugin", "new", "acme-words", "--into", str(folder)]) == 0
    return folder / "acme_words"


def packed(project: Path, file: Path) -> bytes:
    assert sage_studio(["plugin", "pack", str(project), "--output", str(file)]) == 0
    return file.read_bytes()


def shout(project: Path) -> None:
    """The next release, which gives something else though its node keeps its version."""
    settings = project / "pyproject.toml"
    settings.write_text(settings.read_text().replace('version = "1.0.0"', 'version = "1.1.0"'))
    module = project / "src" / "acme_words" / "repeat_words.py"
    module.write_text(module.read_text().replace("words * settings", "words.upper() * settings"))


def flow_body() -> dict[str, Any]:
    nodes = [
        {"id": "start_a1", "type": "manual_trigger", "config": {"text": "ha"}},
        {"id": "ask_a1", "type": "wait", "config": {"mode": "approval", "message": "Go on?"}},
        {"id": "say_a1", "type": REPEAT, "version": "1.0.0", "config": {"times": 2}},
    ]
    return definition(nodes, ["start_a1:text>ask_a1:value", "ask_a1:approved>say_a1:text"])


def waits(run: Run) -> bool:
    return NodeRun.objects.filter(run=run, node_id="ask_a1", state="waiting").exists()


def approve(people: World, run: Run) -> None:
    url = f"{people.url}/runs/{run.pk}"
    (wait,) = people.editor.client.get(f"{url}/waits").json()["items"]
    answer = people.editor.client.post(
        f"{url}/signals", {"key": wait["key"], "payload": {"approved": True}}, format="json"
    )
    assert answer.status_code == 202, answer.content


def said(run: Run) -> Any:
    outputs = NodeRun.objects.get(run=run, node_id="say_a1", state="completed").outputs
    assert outputs is not None
    return outputs["text"]


def test_the_story_of_a_third_party_s_plug_in(
    people: World, tmp_path: Path, worker_process: WorkerProcess, rescue: Callable[[], None]
) -> None:
    project = made(tmp_path)
    install(people, packed(project, tmp_path / "one.zip"))
    flow = make_flow(people.editor.person, people.workspace, flow_body())
    old = start(people.editor.person, flow)
    give_up_at = time.monotonic() + 120
    while not waits(old):
        assert time.monotonic() < give_up_at
        time.sleep(0.05)

    shout(project)
    install(people, packed(project, tmp_path / "two.zip"))
    worker_process.kill()
    leases_run_out()
    rescue()
    new = start(people.editor.person, flow)
    for run in (old, new):
        while not waits(run):
            assert time.monotonic() < give_up_at
            time.sleep(0.05)
        approve(people, run)
        wait_for(run.pk)
    assert (said(old), said(new)) == ("haha", "HAHA")

    people.owner.client.delete(f"{people.url}/plugins/acme_words")
    refused = people.editor.client.post(f"{people.url}/runs", {"flow_id": str(flow.pk)}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (422, "run.flow_invalid")
    kept = people.editor.client.get(f"{people.url}/flows/{flow.pk}/definition").json()["nodes"]
    assert [node["type"] for node in kept if node["id"] == "say_a1"] == [REPEAT]
