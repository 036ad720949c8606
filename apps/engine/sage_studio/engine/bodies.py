"""The iterations of one attempt of one container."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from sage_studio.engine.chunks import (
    DECLINED,
    ChunkAnswer,
    ChunkCall,
    ChunkPlace,
    Round,
    bulk_of,
    call_of,
    take_up,
)
from sage_studio.engine.errors import NO_BODY
from sage_studio.engine.executors.errors import NOT_A_VALUE
from sage_studio.engine.plan import BodyPlan, Plan
from sage_studio.engine.records import NodeRecord, count_ports
from sage_studio.engine.restore import close_what_is_left
from sage_studio.engine.shared_work import Turns
from sage_studio.flow.sections import ONLY_SECTION
from sage_studio.kernel import Problem, SageError
from sage_studio.sdk import BodyFailed, BodyResult, Context, Leave

if TYPE_CHECKING:
    from sage_studio.engine.attempt import Attempt
    from sage_studio.engine.scope import Scope

RESULT = "result"


class Bodies:
    """Runs a container's body, once per iteration, each as a level of its own.

    ``live`` are the levels at work, ``away`` the chunks other workers are at, ``shared`` what a finished
    section gave to those after it. An iteration that ended has a record; asked for again after a crash, it
    answers from there.
    """

    def __init__(self, attempt: Attempt, body: BodyPlan) -> None:
        self._attempt = attempt
        self._task = asyncio.current_task()
        self._body = body
        self.live: set[Scope] = set()
        self.away: set[asyncio.Task[ChunkAnswer]] = set()
        self.shared: dict[str, Mapping[str, Any]] = {}
        self.turns: Turns = {}

    def halt(self, *, lets_finish: bool) -> None:
        for scope in list(self.live):
            scope.is_interrupted = True
            scope.halt(lets_finish=lets_finish)
        for chunk in list(self.away):
            chunk.cancel()

    def abandon(self) -> None:
        for scope in list(self.live):
            scope.abandon()

    async def run(self, index: int, given: Mapping[str, Any], section: str) -> BodyResult:
        """One iteration. Raises BodyFailed when it failed."""
        plan = self._plan(section)
        above = self._attempt.scope
        path = self._path(index)
        if (known := self._known(path)) is not None:
            return self._recall(known)
        if above.is_stopping:
            await self._stand_still()
        scope = above.inner(plan, path=path, shared=self.shared, given=given)
        scope.turns = self.turns
        began = above.run.now()
        await self._perform(scope)
        if scope.is_interrupted or above.is_stopping:
            await self._stand_still()
        return await self._end(scope, began)

    def _path(self, index: int) -> str:
        above = self._attempt.scope
        step = f"{self._attempt.node.id}.{index}@{self._attempt.number}"
        return f"{above.path}/{step}" if above.path else step

    def _known(self, path: str) -> NodeRecord | None:
        """The record of an iteration that has ended."""
        known = self._attempt.scope.run.progress.nodes.get((self._attempt.node.id, path))
        return known if known is not None and known.state in {"completed", "failed"} else None

    async def run_chunk(
        self, rounds: Sequence[Round], place: ChunkPlace, context: Context, *, stops_at_failure: bool
    ) -> list[BodyResult | BodyFailed]:
        """Some iterations by another worker, in order; those on record answer from there. With
        ``stops_at_failure`` the first that failed is the last one."""
        ended: list[BodyResult | BodyFailed] = []
        for index, _ in rounds:
            if (known := self._known(self._path(index))) is None:
                break
            ended.append(self._recalled(known))
            if stops_at_failure and isinstance(ended[-1], BodyFailed):
                return ended
        left = rounds[len(ended) :]
        if not left:
            return ended
        if self._attempt.scope.is_stopping:
            await self._stand_still()
        scope, node = self._attempt.scope, self._attempt.node
        bulk = bulk_of(self._body, place)
        call = call_of(scope, node, self._attempt.number, left, bulk=bulk, stops_at_failure=stops_at_failure)
        answer = await self._from_afar(call, place, context)
        ended += take_up(scope, answer)
        if answer.is_declined:
            ended += await self._here(left, stops_at_failure=stops_at_failure)
        return ended

    async def _from_afar(self, call: ChunkCall, place: ChunkPlace, context: Context) -> ChunkAnswer:
        asked: asyncio.Task[ChunkAnswer] | None = None
        try:
            async with asyncio.TaskGroup() as group:
                asked = group.create_task(_answered(call, place, context))
                self.away.add(asked)
        except ExceptionGroup as failures:
            # The group has one child: its error is the call's.
            raise failures.exceptions[0] from None
        finally:
            if asked is not None:
                self.away.discard(asked)
        if self._attempt.scope.is_stopping:
            await self._stand_still()
        return asked.result()

    async def _here(
        self, rounds: Sequence[Round], *, stops_at_failure: bool
    ) -> list[BodyResult | BodyFailed]:
        ended: list[BodyResult | BodyFailed] = []
        for index, given in rounds:
            try:
                ended.append(await self.run(index, given, ONLY_SECTION))
            except BodyFailed as failure:
                ended.append(failure)
                if stops_at_failure:
                    break
        return ended

    def _recalled(self, known: NodeRecord) -> BodyResult | BodyFailed:
        try:
            return self._recall(known)
        except BodyFailed as failure:
            return failure

    def _plan(self, section: str) -> Plan:
        sections = self._body.sections
        plan = sections.get(section)
        if plan is None and section == ONLY_SECTION:
            plan = next(iter(sections.values()))
        if plan is None:
            raise SageError(NO_BODY, {"section": section})
        return plan

    async def _perform(self, scope: Scope) -> None:
        run = scope.run
        if not self.live:
            run.at_work -= 1
        self.live.add(scope)
        try:
            await scope.perform()
        finally:
            self.live.discard(scope)
            if not self.live:
                run.at_work += 1

    async def _stand_still(self) -> NoReturn:
        """The run stops: the container's code must not go on. Once no iteration is at work any more,
        its task is cancelled, which is how it ends."""
        # A container that runs several iterations at once asks from tasks of its own.
        task = self._attempt.task or asyncio.current_task()
        if not self.live and not self.away and task is not None:
            task.cancel()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody completes this future")

    async def _end(self, scope: Scope, began: float) -> BodyResult:
        """Record the iteration and hand its result over."""
        exports = {
            node_id: given
            for node_id in scope.plan.exports
            if (given := scope.outputs_of(node_id)) is not None
        }
        self.shared.update(exports)
        problem, left = scope.problem, scope.left
        result = BodyResult()
        if problem is None:
            try:
                result = await self._result(scope, left)
            except SageError as error:
                problem = error.problem(node_id=self._attempt.node.id, iteration_path=scope.path)
            if self._attempt.scope.is_stopping:
                await self._stand_still()  # the run stopped while JavaScript computed the result
        outputs: dict[str, Any] = {"exports": exports} if exports else {}
        if problem is None:
            outputs["value"] = result.value
            if result.fields:
                outputs["fields"] = dict(result.fields)
            if left is not None:
                outputs["left"] = left.to_json()
        self._record(scope, began, outputs, problem)
        if problem is not None:
            raise BodyFailed(problem)
        return result

    async def _result(self, scope: Scope, left: Leave | None) -> BodyResult:
        if left is not None:
            return BodyResult(left.value, {}, left)
        fields = await scope.values_of(self._body.fields)
        return BodyResult(_value(scope, fields), fields, None)

    def _record(
        self, scope: Scope, began: float, outputs: Mapping[str, Any], problem: Problem | None
    ) -> None:
        run = scope.run
        close_what_is_left(run, f"{scope.path}/")
        run.journal.node(
            NodeRecord(
                self._attempt.node.id,
                scope.path,
                1,
                "completed" if problem is None else "failed",
                began,
                run.now(),
                run.masks.value(outputs),
                problem,
                count_ports({"value": outputs["value"]}) if problem is None else None,
            )
        )

    def _recall(self, known: NodeRecord) -> BodyResult:
        """What a finished iteration gave, from its record."""
        outputs = known.outputs or {}
        self.shared.update(outputs.get("exports", {}))
        if known.error is not None:
            raise BodyFailed(known.error)
        left = Leave.from_json(outputs["left"]) if "left" in outputs else None
        return BodyResult(outputs.get("value"), outputs.get("fields", {}), left)


async def _answered(call: ChunkCall, place: ChunkPlace, context: Context) -> ChunkAnswer:
    """The place's answer; a chunk whose values cannot travel is declined."""
    try:
        return await place.run_chunk(call, context)
    except SageError as error:
        if error.code.code != NOT_A_VALUE.code:
            raise
        return DECLINED


def _value(scope: Scope, fields: Mapping[str, Any]) -> Any:
    """An iteration's value: what came first on the connections to the container's result, else its
    ``result`` field, else what the last nodes gave."""
    plan = scope.plan
    if wires := plan.results.get(RESULT):
        for slot, port in wires:
            given = scope.outputs[slot]
            if given is not None and port in given:
                return given[port]
        return None
    if RESULT in fields:
        return fields[RESULT]
    ends = [plan.nodes[i] for i in plan.sinks]
    if len(ends) <= 1:
        return _first_output(scope.outputs[ends[0].index]) if ends else None
    return {node.id: dict(given) for node in ends if (given := scope.outputs[node.index])}


def _first_output(given: Mapping[str, Any] | None) -> Any:
    return next(iter(given.values()), None) if given else None
