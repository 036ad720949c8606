"""Making diagnoses of failed runs."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from apps.assistant.models import Diagnosis
from apps.assistant.rules import rule_for
from apps.common.db import write_transaction
from apps.executions.models import NodeRun, Run
from apps.executions.selectors import localised
from sage_studio.flow import FlowDocument, FlowNode, parse_plain
from sage_studio.kernel import JsonObject, Problem, json_object
from sage_studio.kernel.errors import Language

LANGUAGES: tuple[Language, ...] = ("en", "zh")


def run_diagnose(*, run_id: UUID) -> list[Diagnosis]:
    """Diagnose every failed node of a run by its last attempt. A second call changes nothing."""
    run = Run.objects.select_related("definition").filter(pk=run_id).first()
    if run is None:
        return []
    document = parse_plain(run.definition.body)
    nodes = {node.id: node for node in document.nodes}
    failed = NodeRun.objects.filter(run=run, state="failed").order_by("node_id", "-attempt")
    found = [_diagnose(run, node_run, nodes.get(node_run.node_id), document) for node_run in failed]
    with write_transaction():
        return [_keep(diagnosis) for diagnosis in found]


def run_diagnose_event(payload: JsonObject) -> None:
    """Handler of ``run.failed``; a Celery task delivers it from the outbox, at least once."""
    run_diagnose(run_id=UUID(str(payload["run_id"])))


def _diagnose(run: Run, node_run: NodeRun, node: FlowNode | None, document: FlowDocument) -> Diagnosis:
    error = node_run.error or {}
    rule = rule_for(cast("Problem", error))
    advice: list[JsonObject] = []
    for item in rule.advice:
        patch = item.patch(node) if item.patch is not None and node is not None else None
        if item.patch is not None and patch is None:
            continue  # the flow already has what the advice would add
        advice.append({"text": json_object(item.text), "patch": patch})
    return Diagnosis(
        workspace_id=run.workspace_id,
        run=run,
        node_id=node_run.node_id,
        iteration_path=node_run.iteration_path,
        rule=rule.name,
        confidence=rule.confidence,
        cause=dict(rule.cause),
        evidence={language: str(localised(error, language).get("message", "")) for language in LANGUAGES},
        advice=advice,
    )


def _keep(diagnosis: Diagnosis) -> Diagnosis:
    kept, _ = Diagnosis.objects.get_or_create(
        run=diagnosis.run,
        node_id=diagnosis.node_id,
        iteration_path=diagnosis.iteration_path,
        source=diagnosis.source,
        defaults={
            "workspace_id": diagnosis.workspace_id,
            "rule": diagnosis.rule,
            "confidence": diagnosis.confidence,
            "cause": diagnosis.cause,
            "evidence": diagnosis.evidence,
            "advice": diagnosis.advice,
        },
    )
    return kept
