"""Deleting a workspace takes everything in it along."""

from __future__ import annotations

import pytest
from django.apps import apps

from apps.workspaces.models import Workspace
from tests.world import World


def test_a_workspace_with_flows_is_deleted_with_all_that_hangs_on_it(world: World) -> None:
    made = world.owner.client.post("/api/v1/workspaces", {"name": "Doomed"}).json()
    url = f"/api/v1/workspaces/{made['id']}"
    flow = world.owner.client.post(f"{url}/flows", {"name": "F"}).json()
    world.owner.client.post(f"{url}/flows/{flow['id']}/versions", {"message": "first"})
    world.owner.client.post(f"{url}/runs", {"flow_id": flow["id"]})
    assert world.owner.client.delete(url).status_code == 204
    assert not Workspace.objects.filter(pk=made["id"]).exists()
    left = {
        model._meta.label: model._default_manager.filter(workspace_id=made["id"]).count()
        for model in apps.get_models()
        if any(getattr(field, "attname", "") == "workspace_id" for field in model._meta.fields)
    }
    assert {label: count for label, count in left.items() if count} == {
        "audit.AuditEntry": pytest.approx(2, abs=10)
    }
