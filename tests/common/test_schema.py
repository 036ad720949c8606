"""The OpenAPI description is complete: generating it warns about nothing."""

from __future__ import annotations

from io import StringIO

from django.core.management import call_command

from tests.world import World


def test_the_description_is_generated_without_warnings() -> None:
    out, err = StringIO(), StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out, stderr=err)
    assert "/api/v1/workspaces/{workspace_id}/runs" in out.getvalue()
    assert "Warning" not in err.getvalue()


def test_people_who_are_signed_in_may_read_it(world: World) -> None:
    assert world.viewer.client.get("/api/v1/schema").status_code == 200
    assert world.anonymous.get("/api/v1/schema").status_code == 401
