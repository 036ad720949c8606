"""Reading diagnoses."""

from __future__ import annotations

from uuid import UUID

from apps.assistant.models import Diagnosis
from apps.common.errors import NotFound
from apps.executions.models import Run
from apps.workspaces.models import Workspace


def diagnosis_list(*, workspace: Workspace, run_id: UUID) -> list[Diagnosis]:
    """Diagnoses of one run of the workspace. Raises NotFound for a run that is not there."""
    if not Run.objects.filter(pk=run_id, workspace=workspace).exists():
        raise NotFound
    return list(Diagnosis.objects.filter(run_id=run_id, workspace=workspace))
