"""Credentials: sealed, bound to hosts, never shown, used on the record, rotated."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from apps.audit.models import AuditEntry
from apps.credentials import sealing, services
from apps.credentials.models import Credential, CredentialUse
from apps.credentials.types import clean_host
from sage_studio.kernel import SageError
from tests.servers.http import Answer, ScriptedServer
from tests.world import World

SECRET = "sk-very-secret-1234567890"


def create(client: APIClient, url: str, name: str = "Shop", **more: Any) -> Any:
    body = {
        "name": name,
        "kind": "api_key",
        "fields": {"api_key": SECRET},
        "allowed_hosts": ["api.example.org"],
    }
    return client.post(f"{url}/credentials", {**body, **more})


def error_of(call: Any) -> str:
    with pytest.raises(SageError) as caught:
        call()
    return caught.value.code.code


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def test_the_secret_is_never_shown_nor_stored_plainly(world: World) -> None:
    made = create(world.owner.client, world.url)
    assert made.status_code == 201
    listed = world.owner.client.get(f"{world.url}/credentials")
    assert SECRET not in json.dumps(made.json()) + json.dumps(listed.json())
    row = Credential.objects.get()
    assert SECRET.encode() not in bytes(row.ciphertext) + bytes(row.wrapped_key)
    trail = AuditEntry.objects.filter(action="credential.created").get()
    assert SECRET not in json.dumps([trail.before, trail.after])
    opened = services.credential_for_host(world.workspace.pk, "Shop", "api.example.org")
    assert opened.fields["api_key"] == SECRET
    assert SECRET not in repr(opened)


def test_who_may_do_what(world: World) -> None:
    made = create(world.owner.client, world.url).json()
    one = f"{world.url}/credentials/{made['id']}"
    expected = {
        "anonymous": (401, 401, 401, 401),
        "stranger": (404, 404, 404, 404),
        "admin": (404, 404, 404, 404),
        "viewer": (200, 403, 403, 403),
        "editor": (200, 403, 200, 403),
        "owner": (200, 201, 200, 204),
    }
    for name, statuses in expected.items():
        client = world.everyone()[name]
        got = (
            client.get(f"{world.url}/credentials").status_code,
            create(client, world.url, f"by {name}").status_code,
            client.post(f"{one}/test", {"url": "https://192.0.2.1/"}).status_code,
            client.delete(one).status_code,
        )
        if name in {"editor", "owner"}:
            # Their right to test is there; the host is not one the credential allows.
            assert got[2] == 422
            got = (got[0], got[1], 200, got[3])
        assert got == statuses, name


def test_viewers_see_names_but_not_where_they_go(world: World) -> None:
    create(world.owner.client, world.url)
    assert world.viewer.client.get(f"{world.url}/credentials").json()["items"][0]["allowed_hosts"] is None
    assert world.editor.client.get(f"{world.url}/credentials").json()["items"][0]["allowed_hosts"] == [
        "api.example.org"
    ]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"fields": {}}, "fields"),
        ({"fields": {"api_key": ""}}, "fields"),
        ({"fields": {"api_key": "x", "more": "y"}}, "fields"),
        ({"kind": "oauth"}, "kind"),
        ({"allowed_hosts": ["*.example.org"]}, "allowed_hosts"),
        ({"allowed_hosts": ["exa mple.org"]}, "allowed_hosts"),
        ({"allowed_hosts": ["a.org"] * 50}, "allowed_hosts"),
        ({"fields": {"api_key": "x", "header": "Content-Length"}}, "fields.header"),
        ({"fields": {"api_key": "x", "header": "X\r\nY"}}, "fields.header"),
        ({"fields": {"api_key": "x", "prefix": "a\nb"}}, "fields.prefix"),
        ({"name": "{{ x }}"}, "name"),
        ({"workspace": "x"}, "workspace"),
    ],
)
def test_bad_input_is_named_and_repeats_no_secret(world: World, change: dict[str, Any], place: str) -> None:
    response = create(world.owner.client, world.url, **change)
    assert response.status_code == 400
    assert response.json()["errors"][0]["path"].startswith(place)
    assert SECRET not in response.content.decode()


def test_a_name_is_taken_once_per_workspace(world: World) -> None:
    assert create(world.owner.client, world.url).status_code == 201
    assert create(world.owner.client, world.url).json()["code"] == "credential.name_taken"
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}"
    assert create(world.stranger.client, elsewhere).status_code == 201


def test_another_workspaces_credential_is_not_there(world: World) -> None:
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}"
    made = create(world.stranger.client, elsewhere).json()
    assert world.owner.client.delete(f"{world.url}/credentials/{made['id']}").status_code == 404
    assert world.owner.client.post(f"{world.url}/credentials/{made['id']}/test", {}).status_code == 404
    get = services.credential_for_host
    assert error_of(lambda: get(world.workspace.pk, "Shop", "api.example.org")) == "credential.unknown"


@pytest.mark.parametrize("host", ["example.org", "evil.api.example.org", "api.example.org.evil.com", ""])
def test_a_credential_goes_to_exactly_its_hosts(world: World, host: str) -> None:
    create(world.owner.client, world.url)
    get = services.credential_for_host
    assert error_of(lambda: get(world.workspace.pk, "Shop", host)) == "credential.host_not_allowed"
    assert not CredentialUse.objects.exists()


def test_a_host_with_a_port_allows_that_port_only(world: World) -> None:
    create(world.owner.client, world.url, allowed_hosts=["api.example.org:8443"])
    get = services.credential_for_host
    assert get(world.workspace.pk, "Shop", "API.example.org", port=8443).fields["api_key"] == SECRET
    assert error_of(lambda: get(world.workspace.pk, "Shop", "api.example.org", port=443)) == (
        "credential.host_not_allowed"
    )


def test_only_a_credential_without_hosts_is_handed_to_a_node(world: World) -> None:
    create(world.owner.client, world.url)
    create(world.owner.client, world.url, "Door", allowed_hosts=[])
    assert services.credential_fields(world.workspace.pk, "Door").fields["api_key"] == SECRET
    assert (
        error_of(lambda: services.credential_fields(world.workspace.pk, "Shop")) == "credential.only_by_http"
    )


def test_a_use_is_recorded_once_per_run_and_host(world: World) -> None:
    create(world.owner.client, world.url)
    run_id = uuid.uuid4()
    for _ in range(3):
        services.credential_for_host(world.workspace.pk, "Shop", "api.example.org", run_id=run_id)
    assert CredentialUse.objects.get().run_id == run_id
    entry = AuditEntry.objects.get(action="credential.used")
    assert isinstance(entry.after, dict)
    assert entry.after["host"] == "api.example.org"
    item = world.viewer.client.get(f"{world.url}/credentials").json()["items"][0]
    assert item["last_used_at"] is not None


def test_a_sealed_secret_does_not_open_in_another_row(world: World) -> None:
    create(world.owner.client, world.url, "One")
    create(world.owner.client, world.url, "Two", fields={"api_key": "another-secret"})
    one, two = Credential.objects.get(name="One"), Credential.objects.get(name="Two")
    Credential.objects.filter(pk=two.pk).update(wrapped_key=one.wrapped_key, ciphertext=one.ciphertext)
    get = services.credential_for_host
    assert error_of(lambda: get(world.workspace.pk, "Two", "api.example.org")) == "credential.unreadable"


def test_rotation_moves_to_the_new_key_and_can_be_repeated(world: World, settings: Any) -> None:
    create(world.owner.client, world.url)
    old = settings.CREDENTIAL_KEYS
    settings.CREDENTIAL_KEYS = ["n" * 40, *old]
    out = io.StringIO()
    call_command("rotate_credentials", stdout=out)
    call_command("rotate_credentials", stdout=out)
    assert out.getvalue().split("\n")[:2] == ["1 rewrapped, 0 unreadable", "0 rewrapped, 0 unreadable"]
    settings.CREDENTIAL_KEYS = ["n" * 40]
    opened = services.credential_for_host(world.workspace.pk, "Shop", "api.example.org")
    assert opened.fields["api_key"] == SECRET
    assert Credential.objects.get().key_id == sealing.current_key_id()


def test_a_lost_key_is_said_so_and_keeps_rotation_from_claiming_success(world: World, settings: Any) -> None:
    create(world.owner.client, world.url)
    settings.CREDENTIAL_KEYS = ["z" * 40]
    get = services.credential_for_host
    assert error_of(lambda: get(world.workspace.pk, "Shop", "api.example.org")) == "credential.unreadable"
    with pytest.raises(CommandError, match="Keep the old keys"):
        call_command("rotate_credentials", stdout=io.StringIO())


@pytest.mark.parametrize(("status", "ok"), [(200, True), (404, True), (401, False), (403, False)])
def test_a_test_says_how_the_host_took_it(
    world: World, settings: Any, server: ScriptedServer, status: int, ok: bool
) -> None:
    settings.ALLOW_PRIVATE_NETWORK = [ip_network("127.0.0.0/8")]
    server.answers["/me"] = Answer(status, "x")
    made = create(
        world.owner.client,
        world.url,
        allowed_hosts=["127.0.0.1"],
        fields={"api_key": SECRET, "header": "X-Key", "prefix": ""},
    ).json()
    response = world.editor.client.post(
        f"{world.url}/credentials/{made['id']}/test", {"url": f"{server.url}/me"}
    )
    assert (response.json()["ok"], response.json()["status"]) == (ok, status)
    assert server.asked[0].headers["X-Key"] == SECRET
    assert SECRET not in response.content.decode()


def test_a_test_does_not_reach_into_the_network(world: World, server: ScriptedServer) -> None:
    made = create(world.owner.client, world.url, allowed_hosts=["127.0.0.1", "localhost"]).json()
    for host in ("127.0.0.1", "localhost"):
        url = f"http://{host}:{server.port}/"
        response = world.editor.client.post(f"{world.url}/credentials/{made['id']}/test", {"url": url})
        assert response.json()["ok"] is False
        assert "may not reach" in response.json()["message"]
    assert server.asked == []


@pytest.mark.parametrize("url", ["http://[", "http://127.0.0.1:99999/", "nonsense", "file:///etc/passwd"])
def test_a_test_of_no_address_says_so(world: World, url: str) -> None:
    made = create(world.owner.client, world.url, allowed_hosts=["127.0.0.1"]).json()
    response = world.editor.client.post(f"{world.url}/credentials/{made['id']}/test", {"url": url})
    assert (response.status_code, response.json()["code"]) in [
        (422, "http.bad_url"),
        (422, "credential.host_not_allowed"),
    ]


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("API.Example.org", "api.example.org"),
        ("https://api.example.org/v1", "api.example.org"),
        ("api.example.org:8443", "api.example.org:8443"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.example.org", None),
        ("", None),
        ("a b", None),
        ("a..b", None),
        ("user@host", None),
    ],
)
def test_hosts_are_read_strictly(given: str, host: str | None) -> None:
    assert clean_host(given) == host
