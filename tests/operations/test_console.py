"""The console: for administrators, read-only, recorded."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.urls import reverse

from apps.accounts.models import Person
from apps.audit.models import AuditEntry
from apps.catalogue.models import PluginRule
from apps.common.models import OutboxEvent
from apps.operations.console import console
from apps.workspaces.models import Workspace
from tests.world import World

MODELS = sorted(model._meta.model_name or "" for model in console._registry)


def index_of(model_name: str) -> str:
    model = next(model for model in console._registry if model._meta.model_name == model_name)
    return reverse(f"admin:{model._meta.app_label}_{model_name}_changelist")


@pytest.mark.parametrize("model_name", MODELS)
def test_only_administrators_see_a_list(world: World, model_name: str) -> None:
    answers = {
        name: client.get(index_of(model_name)).status_code for name, client in world.everyone().items()
    }
    assert answers.pop("admin") == 200
    assert set(answers.values()) == {302}


def test_the_console_sends_strangers_to_the_apps_own_sign_in(world: World) -> None:
    assert world.anonymous.get("/admin/", follow=True).redirect_chain[-1][0] == "/sign-in?next=%2Fadmin%2F"
    assert world.owner.client.get("/admin/login/").status_code == 403
    assert world.admin.client.get("/admin/password_change/")["Location"] == "/me"


@pytest.mark.parametrize("model_name", [name for name in MODELS if name != "pluginrule"])
def test_nothing_can_be_added_changed_or_deleted(world: World, model_name: str) -> None:
    world.owner.client.post(f"{world.url}/invitations", {"role": "viewer"})
    add = index_of(model_name) + "add/"
    assert world.admin.client.get(add).status_code == 403
    model = next(model for model in console._registry if model._meta.model_name == model_name)
    row = model._default_manager.first()
    if row is not None:
        one = f"{index_of(model_name)}{row.pk}/"
        assert world.admin.client.get(f"{one}change/").status_code == 200
        assert world.admin.client.post(f"{one}change/", {"name": "x"}, format="multipart").status_code == 403
        assert (
            world.admin.client.post(f"{one}delete/", {"post": "yes"}, format="multipart").status_code == 403
        )


def test_rules_for_plug_ins_are_the_one_thing_made_here(world: World) -> None:
    add = index_of("pluginrule") + "add/"
    said = {"plugin_id": "acme", "is_allowed": "on", "pinned": "1.2.0", "note": "as tested"}
    assert world.owner.client.post(add, said, format="multipart").status_code == 302
    assert not PluginRule.objects.exists()
    bad = world.admin.client.post(add, {**said, "pinned": "no version"}, format="multipart")
    assert (bad.status_code, PluginRule.objects.exists()) == (200, False)
    assert world.admin.client.post(add, said, format="multipart").status_code == 302
    assert PluginRule.objects.get().pinned == "1.2.0"
    everything = {"action": "delete_selected", "_selected_action": "acme", "post": "yes"}
    world.admin.client.post(index_of("pluginrule"), everything, format="multipart")
    assert not PluginRule.objects.exists()
    assert AuditEntry.objects.filter(action="plugin.rule_set").count() == 2


def test_every_model_has_its_place_in_both_languages(world: World) -> None:
    for language, word in (("en", "Audit trail"), ("zh-hans", "审计记录")):
        page = world.admin.client.get("/admin/", headers={"Accept-Language": language}).content.decode()
        assert word in page
        assert all(index_of(name) in page for name in MODELS)


def test_looking_at_a_workspace_is_recorded(world: World) -> None:
    page = reverse("admin:workspaces_workspace_change", args=[world.workspace.pk])
    response = world.admin.client.get(page)
    assert b"editor@example.org" in response.content or b"Editor" in response.content
    entry = AuditEntry.objects.get(action="console.viewed")
    assert (entry.actor_email, entry.target_id) == ("admin@example.org", str(world.workspace.pk))


def test_a_person_is_shut_out_and_let_in_again(world: World) -> None:
    url = reverse("admin:accounts_person_changelist")

    def act(action: str) -> None:
        chosen = [str(world.viewer.person.pk), str(world.admin.person.pk)]
        world.admin.client.post(url, {"action": action, "_selected_action": chosen}, format="multipart")

    act("shut_out")
    assert world.viewer.client.get("/api/v1/me").status_code == 401
    assert Person.objects.get(pk=world.admin.person.pk).is_active
    act("let_in")
    assert Person.objects.get(pk=world.viewer.person.pk).is_active
    assert AuditEntry.objects.filter(action="person.activation_changed").count() == 2


def test_a_dead_event_is_tried_again(world: World) -> None:
    from django.utils import timezone

    event = OutboxEvent.objects.create(
        topic="t", handler="h", payload={}, state="dead", attempts=10, due_at=timezone.now()
    )
    url = reverse("admin:common_outboxevent_changelist")
    world.admin.client.post(url, {"action": "try_again", "_selected_action": [event.pk]}, format="multipart")
    event.refresh_from_db()
    assert (event.state, event.attempts) == ("waiting", 0)


def test_being_an_administrator_opens_no_workspace(world: World) -> None:
    assert world.admin.client.get(world.url).status_code == 404
    assert Workspace.objects.filter(members=world.admin.person).count() == 0


def test_no_secret_column_is_registered(world: World) -> None:
    hidden = {
        "password",
        "digest",
        "secret",
        "owner_code",
        "body",
        "inputs",
        "outputs",
        "definition",
        "payload",
    }
    for model, page in console._registry.items():
        shown = {*page.list_display, *(page.fields or ())}
        allowed = {"digest"} if model is AuditEntry else set()
        assert not shown & (hidden - allowed), model
    assert apps.get_model("credentials", "Credential") not in console._registry


def test_the_console_forbids_inline_scripts(world: World) -> None:
    policy = world.admin.client.get("/admin/")["Content-Security-Policy"]
    script = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "unsafe-inline" not in script
