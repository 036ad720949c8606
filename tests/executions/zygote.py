"""A process with Django set up that forks one child per fail point: a worker that dies is then a matter
of milliseconds instead of a start of seconds.

Run as a program it reads one JSON line per child: ``{"points", "act", "arguments"}``; it answers with the
child's process id, and, once the child has ended, with its status.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection

if TYPE_CHECKING:  # the child loads the rest once Django is set up
    from apps.executions.adapters.worker import RunWorker

ROOT = Path(__file__).resolve().parents[2]
# Until the point is passed; on a machine at its limits that takes its time.
WORKS_FOR_S = 120.0


class Zygote:
    """The parent's side: ``run`` an act with fail points armed and return how the child ended."""

    def __init__(self, log: Path) -> None:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.executions.worker_settings",
            "SAGE_DATA_DIR": str(settings.DATA_DIR),
            "SAGE_TEST_DATABASE": str(connection.settings_dict["NAME"]),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.executions.zygote"],
                env=environment,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )

    def run(self, points: str, act: str, **arguments: str) -> int:
        """Exit code of the child; minus the signal that killed it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"points": points, "act": act, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self.said()
        return int(answer)

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-1500:]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


def _worker(drain_s: float) -> RunWorker:
    """A worker that has begun; the one that takes over does not wait for its lease."""
    from apps.executions.adapters.worker import RunWorker, WorkerTimes

    times = WorkerTimes(lease_s=120.0, heartbeat_s=0.2, give_up_s=100.0, poll_s=0.1, drain_s=drain_s)
    worker = RunWorker(times=times, node_threads=2)
    worker.start()
    return worker


def _work(**_: str) -> None:
    """Be a worker for a while."""
    _worker(drain_s=2.0)
    time.sleep(WORKS_FOR_S)


def _work_and_answer(run_id: str, key: str) -> None:
    """Be a worker, and answer what its run asks before it is parked."""
    import threading

    from apps.executions.models import NodeRun

    def answer() -> None:
        while not NodeRun.objects.filter(run_id=run_id, state="waiting").exists():
            time.sleep(0.02)
        _deliver(run_id, key)

    threading.Thread(target=answer, daemon=True).start()
    _work()


def _drain(run_id: str, **_: str) -> None:
    """Be a worker and stop in the middle of a run."""
    from apps.executions.models import NodeRun

    worker = _worker(drain_s=0.2)
    while not NodeRun.objects.filter(run_id=run_id, state="running").exists():
        time.sleep(0.02)
    worker.stop()


def _lose_a_claim(**_: str) -> None:
    """Be a worker whose first claim is committed but not heard of."""
    from django.db import OperationalError

    from apps.executions.adapters import claims, worker as working

    real, lost = claims.claim_runs, [False]

    def claim(*args: Any, **more: Any) -> Any:
        claimed = real(*args, **more)
        if claimed and not lost[0]:
            lost[0] = True
            raise OperationalError("the answer is lost")
        return claimed

    vars(working)["claim_runs"] = claim
    _work()


def _accept(flow_id: str) -> None:
    from apps.executions.services import run_accept
    from apps.flows.models import Flow

    flow = Flow.objects.select_related("definition", "created_by").get(pk=flow_id)
    assert flow.created_by is not None
    run_accept(person=flow.created_by, flow=flow, definition=flow.definition, inputs={})


def _accept_three(flow_id: str) -> None:
    """As the slim door does for three who wait."""
    from functools import partial

    from apps.common import failpoints
    from apps.common.desk import Visit, Work, serve
    from apps.executions.services import run_promise
    from apps.executions.types import Trigger
    from apps.flows.models import Flow

    flow = Flow.objects.select_related("definition", "created_by").get(pk=flow_id)
    assert flow.created_by is not None
    promise = partial(
        run_promise,
        person=flow.created_by,
        flow=flow,
        definition=flow.definition,
        given={},
        trigger=Trigger.API,
        version=None,
    )

    def write() -> Callable[[], Any]:
        promise()
        return partial(failpoints.hit, "run.accepted")

    serve([Visit(lambda: Work(write, flow_id)) for _ in range(3)])


def _command(service: str, run_id: str) -> None:
    """One of the services that take a person, a workspace and a run."""
    from apps.executions import services
    from apps.executions.models import Run

    run = Run.objects.select_related("created_by").get(pk=run_id)
    getattr(services, service)(person=run.created_by, workspace_id=run.workspace_id, run_id=uuid.UUID(run_id))


def _deliver(run_id: str, key: str) -> None:
    from apps.executions.services.signals import signal_deliver

    signal_deliver(run_id=uuid.UUID(run_id), key=key, payload={"approved": True})


def _overrule(**_: str) -> None:
    from apps.executions.services import cancels_overdue_end

    cancels_overdue_end(3.0)


def _tell(**_: str) -> None:
    """Deliver domain events."""
    from apps.common.outbox import deliver_due

    deliver_due()


def _tidy(**_: str) -> None:
    """Remove old runs, then values nobody names."""
    from apps.executions.tidying import tidy

    tidy()


def _send_piece(upload_id: str, start: str, content: str) -> None:
    """Send a piece of an upload."""
    from apps.files.disk import Draft
    from apps.files.models import Upload
    from apps.files.services import upload_take

    upload = Upload.objects.select_related("workspace", "person").get(pk=upload_id)
    with Draft() as draft:
        draft.write(content.encode())
        upload_take(upload.person, upload, draft, start=int(start))


def _tick() -> None:
    """Fire the schedules that are due."""
    from apps.triggers.services.scheduling import schedules_fire

    schedules_fire()


ACTS: dict[str, Callable[..., None]] = {
    "work": _work,
    "work_and_answer": _work_and_answer,
    "drain": _drain,
    "lose_a_claim": _lose_a_claim,
    "accept": _accept,
    "accept_three": _accept_three,
    "command": _command,
    "deliver": _deliver,
    "overrule": _overrule,
    "tell": _tell,
    "tidy": _tidy,
    "send_piece": _send_piece,
    "tick": _tick,
}


def main() -> None:
    import django

    import studio_project.celery  # noqa: F401 - hints go to the configured broker

    django.setup()
    from apps.common import failpoints

    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _be_the_child(failpoints.configure, order)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _be_the_child(configure: Callable[[str], None], order: dict[str, Any]) -> None:
    """Never returns: whatever happens, this copy of the process ends here."""
    code = 1
    try:
        configure(order["points"])
        ACTS[order["act"]](**order["arguments"])
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
