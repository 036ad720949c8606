"""``sage-studio up`` on a real machine: starts, restarts what dies, stops cleanly, explains itself."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import psutil
import pytest

from studio_project.supervisor import checks, valkey
from tests.infra.conftest import Person, start_up, wait_until

pytestmark = pytest.mark.timeout(400)

RUNNING = "SAGE Studio is running"
NFS_MOUNTS = """\
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /srv/shared rw,relatime shared:2 - nfs4 filer:/export rw,vers=4.2
31 30 0:41 / /srv/shared/local\\040disk rw,relatime - xfs /dev/vdb rw
"""


def test_one_command_starts_everything_restarts_what_dies_and_stops_cleanly(data_dir: Path) -> None:
    with start_up(data_dir) as up:
        up.wait_until_said("Press Ctrl-C to stop")
        assert f"http://127.0.0.1:{up.port}" in up.said()
        assert up.health()

        first = up.child("web")
        first.kill()
        up.wait_until_said("web was ended by signal 9; starting it again")
        wait_until(lambda: answers(up.port))
        assert up.child("web").pid != first.pid

        worker = up.child("worker1")
        worker.kill()
        up.wait_until_said("worker1 was ended by signal 9; starting it again")
        wait_until(lambda: has_child(up.process.pid, "worker1"))

        children = psutil.Process(up.process.pid).children()
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(timeout=90) == 0
        assert [child for child in children if child.is_running() and child.status() != "zombie"] == []


def test_a_server_that_others_can_reach_prints_a_code_for_the_first_owner(data_dir: Path) -> None:
    address = {"SAGE_BASE_URL": "http://studio.example.org"}
    with start_up(data_dir, "--host", "0.0.0.0", "--workers", "0", settings=address) as up:
        up.wait_until_said("Press Ctrl-C to stop")

    assert "running:  http://studio.example.org" in up.said()
    assert "one-time code" in up.said()
    assert re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b", up.said())


def test_a_server_only_this_machine_can_reach_asks_for_no_code(data_dir: Path) -> None:
    with start_up(data_dir, "--workers", "0") as up:
        up.wait_until_said("Press Ctrl-C to stop")

    assert "one-time code" not in up.said()


def test_children_leave_when_the_supervisor_is_killed_and_the_next_start_works(data_dir: Path) -> None:
    with start_up(data_dir) as up:
        up.wait_until_said("Press Ctrl-C to stop")
        web = up.child("web")
        up.process.kill()
        wait_until(lambda: not web.is_running())
        port = up.port

    with start_up(data_dir, port=port) as again:
        again.wait_until_said(RUNNING)
        assert again.health()


def test_a_second_start_on_the_same_data_is_refused_with_the_address_of_the_first(data_dir: Path) -> None:
    with start_up(data_dir) as up:
        up.wait_until_said(RUNNING)
        with start_up(data_dir) as second:
            assert second.process.wait(timeout=90) == 1
            assert (
                f"already runs on this data folder ({data_dir}): http://127.0.0.1:{up.port}" in second.said()
            )


def test_a_port_in_use_is_a_sentence_and_not_a_traceback(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with start_up(data_dir, port=port) as up:
            assert up.process.wait(timeout=90) == 1

    assert f"Port {port} on 127.0.0.1 cannot be used: address already in use" in up.said()
    assert "SAGE_PORT=" in up.said()
    assert "Traceback" not in up.said()


def test_a_setting_that_makes_no_sense_is_named(data_dir: Path) -> None:
    with start_up(data_dir, "--workers", "-3") as up:
        assert up.process.wait(timeout=90) == 1

    assert "SAGE_WORKERS" in up.said()
    assert "Traceback" not in up.said()


def test_a_single_process_serves_and_runs_without_a_broker(data_dir: Path) -> None:
    with start_up(data_dir, "--single") as up:
        up.wait_until_said("Press Ctrl-C to stop")
        assert up.health()
        assert len(psutil.Process(up.process.pid).children()) == 1
        owner = Person(f"http://127.0.0.1:{up.port}")
        workspace = f"/api/v1/workspaces/{_first_workspace(owner)}"
        short = _start(owner, workspace, wait_s=0)
        wait_until(lambda: _state(owner, f"{workspace}/runs/{short}") == "completed", timeout_s=60)
        long = _start(owner, workspace, wait_s=3)
        wait_until(lambda: _state(owner, f"{workspace}/runs/{long}") != "ready", timeout_s=60)

    with start_up(data_dir, "--single", port=up.port) as up:
        up.wait_until_said("Press Ctrl-C to stop")
        wait_until(lambda: _state(owner, f"{workspace}/runs/{long}") == "completed", timeout_s=60)


def _first_workspace(owner: Person) -> str:
    """Sign up as the first owner of a server that only this machine can reach; their workspace."""
    owner.call("GET", "/api/v1/session")
    someone = {"email": "ada@example.org", "password": "a long enough phrase", "name": "Ada"}
    status, answer = owner.call("POST", "/_allauth/browser/v1/auth/signup", someone)
    assert status == 200, answer
    workspaces = owner.call("GET", "/api/v1/workspaces")[1]["items"]
    assert isinstance(workspaces, list)
    return str(workspaces[0]["id"])


def _start(owner: Person, workspace: str, *, wait_s: float) -> str:
    """Make a flow of a trigger and a pause, and start it; the run."""
    nodes = [
        {"id": "manual_trigger_aaaa", "type": "manual_trigger", "name": "Begin", "pos": [0, 0]},
        {"id": "wait_bbbb", "type": "wait", "name": "Rest", "pos": [260, 0], "config": {"seconds": wait_s}},
    ]
    edge = {"source": "manual_trigger_aaaa", "source_port": "text"}
    edge |= {"target": "wait_bbbb", "target_port": "value"}
    flow = {"schema": "sage-studio/flow@1", "name": "Rest", "nodes": nodes, "edges": [edge]}
    status, made = owner.call("POST", f"{workspace}/flows", {"name": "Rest", "definition": flow})
    assert status == 201, made
    status, run = owner.call("POST", f"{workspace}/runs", {"flow_id": made["id"]})
    assert status == 202, run
    return str(run["id"])


def _state(owner: Person, path: str) -> object:
    return owner.call("GET", path)[1]["state"]


def test_network_file_systems_are_recognised_by_the_longest_mount_point() -> None:
    def kind(path: str) -> str | None:
        return checks.file_system_of(Path(path), mounts=NFS_MOUNTS)

    assert kind("/srv/data") == "ext4"
    assert kind("/srv/shared/studio") == "nfs4"
    assert kind("/srv/shared/local disk/studio") == "xfs"
    assert kind("/srv/shared-too") == "ext4"


def test_a_data_folder_on_a_network_file_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "file_system_of", lambda path: "nfs4")

    with pytest.raises(checks.StartError, match="network file system"):
        checks.require_local_disk(Path("/srv/shared"))


def test_the_broker_listens_on_a_socket_only_its_owner_can_reach(tmp_path: Path) -> None:
    server = valkey.find_server()
    assert server is not None
    program = valkey.program(server, tmp_path / "valkey.sock")

    assert program.command[program.command.index("--port") + 1] == "0"
    assert program.command[program.command.index("--unixsocketperm") + 1] == "700"


def test_a_data_folder_too_deep_for_a_socket_address_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)

    assert valkey.socket_path(tmp_path / "run").parent == tmp_path / "run"
    assert len(str(valkey.socket_path(deep))) < 100


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def has_child(pid: int, role: str) -> bool:
    return any(role in part for child in psutil.Process(pid).children() for part in child.cmdline())
