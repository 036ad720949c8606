"""One claimed run from its plan to its last record."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError

from apps.catalogue.selectors import registry_pinned
from apps.common import failpoints
from apps.credentials.services import variables_for_run
from apps.credentials.types import DRAFT
from apps.executions import errors
from apps.executions.adapters.claims import ClaimedRun, definition_body, run_pins
from apps.executions.adapters.host import DjangoHost
from apps.executions.adapters.jobs import ClaimedJob
from apps.executions.adapters.learning import branches_load, branches_save
from apps.executions.adapters.places import Places
from apps.executions.adapters.store import ClaimedStore
from apps.executions.adapters.writer import Claim, RunWriter
from apps.executions.optimisation_selectors import flow_durations_to_plan, run_cheaper_nodes
from apps.executions.services import part_cut
from apps.files.selectors import blob_get
from apps.files.services import blob_put
from sage_studio.engine import (
    Batch,
    Controls,
    Event,
    FenceLost,
    FlowState,
    NodeRecord,
    Plan,
    RunOptions,
    RunOutcome,
    RunProgress,
    SpendingPlan,
    compile_flow,
    run_flow,
)
from sage_studio.engine.partial import Part, given_records
from sage_studio.engine.resources import ResourcePool, machine_budget
from sage_studio.flow import parse_plain
from sage_studio.flow.document import FlowDocument
from sage_studio.flow.firing import fired_node, only_fired
from sage_studio.kernel import Json, JsonObject, SageError, json_object
from sage_studio.plugins.registry import NodeRegistry

logger = structlog.get_logger(__name__)
PLANS_KEPT = 128
# A run that has done nothing but wait for this long is put down as a row.
PARK_AFTER_S = 2.0
# So is one that stands at a stop while the people who debug it are away.
STAND_FOR_S = 300.0
# Streams write where they are this often; what came since is done again after a crash.
CHECKPOINT_S = 5.0
# A run over which this many workers were lost, without a node getting done, takes them down with it.
# Nodes that do so are found out before (dead letters); this catches what kills before any node begins.
MAX_LOSSES = 8


class Runner:
    """Runs claimed runs; ``on_recorded`` hears the flow's id after every commit, and with ``is_urgent``
    whether the run ended or rests by it."""

    def __init__(
        self,
        *,
        writer: RunWriter,
        threads: ThreadPoolExecutor,
        database: Executor,
        on_recorded: Callable[..., None],
        places: Places,
    ) -> None:
        self._places = places
        self.resources = ResourcePool(machine_budget())
        self._writer = writer
        self._threads = threads
        self._database = database
        self._on_recorded = on_recorded
        self._plans: OrderedDict[tuple[uuid.UUID, NodeRegistry, str | None, bool], Plan] = OrderedDict()

    async def run(self, claimed: ClaimedRun, controls: Controls) -> None:
        """To the end, whatever it is; raises nothing but cancellation."""
        claim = claimed.claim
        log = logger.bind(run_id=claim.run_id, flow_id=claim.flow_id, workspace_id=claim.workspace_id)
        began = time.monotonic()
        store = self._store(claimed)
        try:
            plan, store.given = await self._plan(claimed)
            host = _host(claim)
            variables = await self._variables(claimed, host)
            state = host.state(claim.flow_id)
            learning = await branches_load(plan, state)
            result = await run_flow(
                plan,
                run_id=claim.run_id,
                flow_id=claim.flow_id,
                inputs=claimed.inputs,
                store=store,
                host=host,
                threads=self._threads,
                controls=controls,
                options=RunOptions(
                    park_after_s=getattr(settings, "RUN_PARK_AFTER_S", PARK_AFTER_S),
                    stand_for_s=getattr(settings, "RUN_STAND_FOR_S", STAND_FOR_S),
                    executors=self._places.for_run(claim, is_whole=claimed.part is None),
                    resources=self.resources,
                    branches=learning,
                    spending=await self._spending(claimed, plan),
                    variables=variables,
                    checkpoint_interval_s=getattr(settings, "RUN_CHECKPOINT_S", CHECKPOINT_S),
                ),
            )
            await branches_save(learning, state)
        except FenceLost:
            log.warning("run_taken_over", fence=claim.fence)
        except (OperationalError, InterfaceError) as error:
            # The database is away for longer than the writer waits: nothing is wrong with the run, and
            # whoever claims it next goes on from its records.
            log.warning("run_let_go", error=type(error).__name__)
        except SageError as error:
            await self._refuse(store, claim.run_id, error)
        except Exception:  # our own fault must neither stop the worker nor leave the run hanging
            log.exception("run_crashed")
            await self._refuse(store, claim.run_id, SageError(errors.FAULT))
        else:
            duration_ms = round((time.monotonic() - began) * 1000)
            log.info("run_ended", state=result.state.value, duration_ms=duration_ms, nodes=len(result.nodes))

    def _store(self, claimed: ClaimedRun) -> ClaimedStore:
        workspace_id = uuid.UUID(claimed.claim.workspace_id)
        return ClaimedStore(
            claimed.claim,
            writer=self._writer,
            readers=self._database,
            put_blob=partial(blob_put, workspace_id),
            get_blob=partial(blob_get, workspace_id),
            on_recorded=self._on_recorded,
            fresh=claimed.fresh,
        )

    async def _plan(self, claimed: ClaimedRun) -> tuple[Plan, Mapping[str, NodeRecord]]:
        """The compiled definition, or part of it, and the records it begins with.

        Raises SageError when it cannot be compiled, or when too many workers had the run before.
        """
        if claimed.losses >= MAX_LOSSES:
            raise SageError(errors.WORKERS_LOST, {"claims": claimed.losses})
        if claimed.part is not None:
            document = await self._document(claimed.definition_id)
            types = await self._types(uuid.UUID(claimed.claim.workspace_id), claimed.plugins)
            cut = part_cut(document, Part.from_json(claimed.part), types)
            document = only_fired(cut.document, types, fired_node(claimed.inputs))
            plan = compile_flow(document, types, optimised=claimed.debug is None)
            return plan, given_records(cut)
        flow_id, workspace_id = uuid.UUID(claimed.claim.flow_id), uuid.UUID(claimed.claim.workspace_id)
        types = await self._types(workspace_id, claimed.plugins)
        fired = fired_node(claimed.inputs)
        plan = await self.plan_of(
            claimed.definition_id, flow_id, types, fired=fired, optimised=claimed.debug is None
        )
        return plan, {}

    async def plan_of_job(self, job: ClaimedJob) -> Plan:
        """Of the flow whose run has sent a job."""
        pins = await asyncio.get_running_loop().run_in_executor(self._database, run_pins, job.run_id)
        types = await self._types(job.workspace_id, pins)
        return await self.plan_of(job.definition_id, job.flow_id, types)

    async def _types(self, workspace_id: uuid.UUID, pins: Sequence[str] | None) -> NodeRegistry:
        """The node types a run was accepted with."""
        read = partial(registry_pinned, workspace_id, pins)
        return read() if not pins else await asyncio.get_running_loop().run_in_executor(self._database, read)

    async def plan_of(
        self,
        definition_id: uuid.UUID,
        flow_id: uuid.UUID,
        types: NodeRegistry,
        *,
        fired: str | None = None,
        optimised: bool = True,
    ) -> Plan:
        """Of a whole flow that the trigger ``fired`` starts. Neither definitions nor the types of a run ever
        change, so plans are kept. People who debug a run see the flow as drawn, not ``optimised``."""
        key = definition_id, types, fired, optimised
        plan = self._plans.get(key)
        if plan is None:
            document = only_fired(await self._document(definition_id), types, fired)
            read = partial(flow_durations_to_plan, flow_id)
            durations = await asyncio.get_running_loop().run_in_executor(self._database, read)
            plan = compile_flow(document, types, durations=durations, optimised=optimised)
            self._plans[key] = plan
            if len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)
        else:
            self._plans.move_to_end(key)
        failpoints.hit("run.planned")
        return plan

    async def _spending(self, claimed: ClaimedRun, plan: Plan) -> SpendingPlan:
        """What the run has spent, and the nodes that ask their cheaper model for its budget to last."""
        cheaper: frozenset[str] = frozenset()
        if plan.document.settings.budget is not None:
            read = partial(run_cheaper_nodes, uuid.UUID(claimed.claim.run_id), plan.document)
            cheaper = await asyncio.get_running_loop().run_in_executor(self._database, read)
        return SpendingPlan(claimed.cost_micros, claimed.cost_currency, cheaper)

    async def _variables(self, claimed: ClaimedRun, host: DjangoHost) -> Mapping[str, Json]:
        """What the workspace says ``vars`` are; the secret ones are not to be seen.

        Raises SageError ``credential.unreadable``.
        """
        found = claimed.variables
        if found is None:
            read = partial(variables_for_run, uuid.UUID(claimed.claim.workspace_id), DRAFT)
            found = await asyncio.get_running_loop().run_in_executor(self._database, read)
        values, secret = found
        host.secrets_seen.update(secret)
        return values

    async def _document(self, definition_id: uuid.UUID) -> FlowDocument:
        loop = asyncio.get_running_loop()
        read = partial(definition_body, definition_id)
        return parse_plain(await loop.run_in_executor(self._database, read))

    async def _refuse(self, store: ClaimedStore, run_id: str, error: SageError) -> None:
        """End a run that could not be run."""
        try:
            progress = await store.load(run_id)
            await store.record(run_id, _failure(progress, error))
        except FenceLost:
            return
        except Exception:
            # The lease runs out and somebody else tries; MAX_LOSSES ends that.
            logger.exception("run_not_refused", run_id=run_id)


def _host(claim: Claim) -> DjangoHost:
    return DjangoHost(
        workspace_id=uuid.UUID(claim.workspace_id),
        flow_id=uuid.UUID(claim.flow_id),
        run_id=uuid.UUID(claim.run_id),
        fence=claim.fence,
        is_child=claim.parent_run_id is not None,
    )


def _failure(progress: RunProgress, error: SageError) -> Batch:
    problem = error.problem()
    now = time.time()
    data: JsonObject = {"error": json_object(problem)}
    names = ("run_failed", "flow_failed")
    events = [Event(name, progress.last_seq + i, now, None, "", 0, data) for i, name in enumerate(names, 1)]
    return Batch(events=events, outcome=RunOutcome(FlowState.FAILED, error=problem))
