"""What the assistant found out about failed runs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from apps.common.models import BaseModel
from apps.executions.models import Run
from apps.workspaces.models import Workspace


class Diagnosis(BaseModel):
    """Why one node of a run failed.

    ``cause``, ``evidence`` (the sentence of the error the finding rests on) and the texts of advice are
    ``{"en", "zh"}``; ``advice`` is a list of ``{"text": {...}, "patch": patch or null}``, where a patch
    is a proposed change of the flow (never applied by itself).
    """

    class Source(models.TextChoices):
        RULE = "rule"
        MODEL = "model"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="diagnoses")
    node_id = models.CharField(max_length=64, blank=True)
    iteration_path = models.CharField(max_length=500, blank=True)
    source = models.CharField(max_length=10, choices=Source, default=Source.RULE)
    rule = models.CharField(max_length=100)
    confidence = models.FloatField()
    cause = models.JSONField()
    evidence = models.JSONField()
    advice = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["run", "node_id", "iteration_path", "source"], name="diagnosis_once"
            ),
        ]
        ordering: ClassVar[list[str]] = ["created_at"]
