"""Kinds of credentials: forms, changes, and trying them out against real servers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from apps.audit.models import AuditEntry
from apps.credentials import services
from apps.credentials.models import Credential
from sage_studio.egress import EgressPolicy, GuardedClient
from sage_studio.kernel import SageError
from sage_studio.plugins.credential_kinds import BUILTIN_KINDS
from sage_studio.plugins.credential_kinds.placing import (
    OpenedCredential,
    hosts_from_fields,
    request_secret,
    webhook_signature,
)
from sage_studio.plugins.credential_kinds.trials import Verdict, try_credential
from sage_studio.plugins.credential_kinds.trials.storage import sigv4_headers
from sage_studio.sdk import CredentialKind
from tests.servers.brokers import PASSWORD
from tests.servers.databases import Database
from tests.servers.http import Answer, ScriptedServer
from tests.servers.mail import MailServer
from tests.world import World

OPEN = GuardedClient(EgressPolicy(networks=(ip_network("127.0.0.0/8"), ip_network("::1/128"))))
CLOSED = GuardedClient(EgressPolicy())


def opened(kind_id: str, *hosts: str, **fields: str) -> OpenedCredential:
    kind = BUILTIN_KINDS[kind_id]
    defaults = {field.name: str(field.default or "") for field in kind.fields}
    filled = {**defaults, **fields}
    return OpenedCredential("", kind, filled, (*hosts_from_fields(kind, filled), *hosts))


async def verdict(kind_id: str, *hosts: str, url: str = "", **fields: str) -> Verdict:
    return await try_credential(OPEN, opened(kind_id, *hosts, **fields), url)


# What each kind says of itself


@pytest.mark.parametrize("kind", BUILTIN_KINDS.values(), ids=lambda kind: kind.id)
def test_a_kind_is_whole(kind: CredentialKind) -> None:
    """Both languages, places that exist, and it survives the journey through JSON."""
    assert CredentialKind.model_validate(json.loads(kind.model_dump_json())) == kind
    names = {field.name for field in kind.fields}
    assert all(field.label["en"] and field.label["zh"] for field in kind.fields)
    assert kind.secret_names
    place = kind.placement
    assert {word for word in (place.name_field, place.prefix_field) if word} <= names
    assert place.field in names or place.how in ("none", "oauth2")
    assert all(host.host in names for host in kind.host_fields)
    assert (kind.hosts_use == "from_fields") == bool(kind.host_fields)


@pytest.mark.parametrize(
    ("kind_id", "fields", "hosts"),
    [
        ("postgresql", {"host": "DB.example.org.", "port": "6543"}, ("db.example.org:6543",)),
        ("mongodb", {"hosts": "a.example, b.example:27018"}, ("a.example:27017", "b.example:27018")),
        ("s3", {"endpoint": "http://minio.example:9000/x"}, ("minio.example:9000",)),
        ("openai", {"base_url": "https://gate.example/v1"}, ("gate.example:443",)),
        ("api_key", {}, ()),
    ],
)
def test_hosts_follow_from_fields(kind_id: str, fields: dict[str, str], hosts: tuple[str, ...]) -> None:
    assert hosts_from_fields(BUILTIN_KINDS[kind_id], fields) == hosts


def test_each_kind_is_put_where_it_belongs() -> None:
    host = "api.example.org"
    basic = request_secret(opened("basic", host, username="ada", password="pass:word"))
    assert basic.headers == {"Authorization": "Basic YWRhOnBhc3M6d29yZA=="}
    assert request_secret(opened("query_key", host, api_key="k&y", parameter="key")).params == {"key": "k&y"}
    assert request_secret(opened("bearer", host, token="t")).headers == {"Authorization": "Bearer t"}
    named = opened("api_key", host, api_key="k", header="X-Key", prefix="")
    assert request_secret(named).headers == {"X-Key": "k"}
    claude = request_secret(opened("anthropic", api_key="k")).headers
    assert claude == {"x-api-key": "k", "anthropic-version": "2023-06-01"}
    assert "YWRhOnBhc3M6d29yZA==" in opened("basic", host, username="ada", password="pass:word").secrets


def test_a_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification."""
    headers = webhook_signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        b'{"test": 2432232314}',
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=1614265330,
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "address", ["http://s3.test:9000/my-bucket?list-type=2&max-keys=1", "https://s3.test/"]
)
def test_a_request_for_storage_is_signed_as_amazon_does(address: str) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    fields = {"access_key_id": "AKIA", "secret_access_key": "s3cret/key", "region": "eu-west-1"}
    mine = sigv4_headers("GET", address, fields, at=at)
    theirs = AWSRequest("GET", address, headers={"X-Amz-Date": mine["x-amz-date"]})
    signer = S3SigV4Auth(Credentials("AKIA", "s3cret/key"), "s3", "eu-west-1")
    theirs.context["timestamp"] = mine["x-amz-date"]
    theirs.headers["X-Amz-Content-SHA256"] = mine["x-amz-content-sha256"]
    canonical = signer.canonical_request(theirs)
    signature = signer.signature(signer.string_to_sign(theirs, canonical), theirs)
    assert mine["Authorization"].endswith(f"Signature={signature}")


# Trying them out


async def test_postgresql_lets_in_who_has_the_password(postgres_server: Database) -> None:
    fields = {
        "host": "127.0.0.1",
        "port": str(postgres_server.port),
        "username": postgres_server.user,
        "password": postgres_server.password,
        "database": postgres_server.database,
        "tls": "off",
    }
    assert (await verdict("postgresql", **fields)).ok
    with pytest.raises(SageError) as refused:
        await verdict("postgresql", **{**fields, "password": "wrong"})
    assert refused.value.code.code == "server.login"
    with pytest.raises(SageError) as closed:
        await try_credential(CLOSED, opened("postgresql", **fields))
    assert closed.value.code.code == "http.refused"


async def test_mariadb_lets_in_who_has_the_password(mariadb_server: Database) -> None:
    fields = {
        "host": "127.0.0.1",
        "port": str(mariadb_server.port),
        "username": mariadb_server.user,
        "password": mariadb_server.password,
        "tls": "off",
    }
    assert (await verdict("mysql", **fields)).ok
    with pytest.raises(SageError):
        await verdict("mysql", **{**fields, "password": "wrong"})


async def test_redis_and_its_answer(valkey_server: int) -> None:
    place = {"host": "127.0.0.1", "port": str(valkey_server)}
    assert (await verdict("redis", **place, password=PASSWORD)).ok
    refused = await verdict("redis", **place, password="wrong")
    assert not refused.ok
    assert "WRONGPASS" in refused.message["en"]


async def test_mqtt_and_its_answer(mosquitto_server: int) -> None:
    place = {"host": "127.0.0.1", "port": str(mosquitto_server), "username": "sage"}
    assert (await verdict("mqtt", **place, password=PASSWORD)).ok
    assert not (await verdict("mqtt", **place, password="wrong")).ok


async def test_smtp_greets_and_signs_in(mail_server: MailServer) -> None:
    place = {"host": "127.0.0.1", "port": str(mail_server.port), "tls": "off"}
    signed_in = {"username": mail_server.user, "password": mail_server.password}
    assert (await verdict("smtp", **place, **signed_in)).ok
    assert (await verdict("smtp", **place)).ok
    refused = await verdict("smtp", **place, **{**signed_in, "password": "wrong"})
    assert not refused.ok
    assert "535" in refused.message["en"]
    # A server that cannot encrypt is not told the password.
    assert not (await verdict("smtp", **{**place, "tls": "starttls"}, **signed_in)).ok
    assert mail_server.messages == []


async def test_storage_lists_its_buckets(s3_server: str) -> None:
    fields = {"endpoint": s3_server, "access_key_id": "AKIATEST", "secret_access_key": "s3cret-key"}
    assert (await verdict("s3", **fields)).ok
    missing = await verdict("s3", **fields, bucket="no-such-bucket")
    assert (missing.ok, missing.status) == (False, 404)
    assert "NoSuchBucket" in missing.message["en"]


async def test_a_model_service_tells_how_many_models_it_has() -> None:
    with ScriptedServer() as server:
        server.answers["/v1/models"] = Answer(200, {"data": [{"id": "a"}, {"id": "b"}]})
        tried = await verdict("openai", api_key="sk-test", base_url=f"{server.url}/v1/")
        assert tried.ok
        assert "2 models" in tried.message["en"]
        assert server.asked[0].headers["Authorization"] == "Bearer sk-test"
        server.answers["/v1/models"] = Answer(404, "nothing here")
        assert not (await verdict("openai", api_key="sk-test", base_url=f"{server.url}/v1")).ok


# Over HTTP


def keep(world: World, kind: str, name: str = "One", **fields: str) -> Any:
    return world.owner.client.post(
        f"{world.url}/credentials", {"name": name, "kind": kind, "fields": fields}
    ).json()


def test_kinds_are_shown_as_forms(world: World) -> None:
    answer = world.viewer.client.get(f"{world.url}/credentials/kinds").json()
    shown = {kind["id"]: kind for kind in answer["items"]}
    assert set(shown) == set(BUILTIN_KINDS)
    assert {field["name"] for field in shown["postgresql"]["fields"] if field["secret"]} == {"password"}
    assert answer["redirect_uri"].endswith("/api/v1/oauth2/callback")


def test_a_change_keeps_what_is_not_given(world: World) -> None:
    made = keep(world, "postgresql", host="db.example.org", username="ada", password="s3cret-pass")
    assert made["allowed_hosts"] == ["db.example.org:5432"]
    assert "password" not in made["fields"]
    url = f"{world.url}/credentials/{made['id']}"
    changed = world.owner.client.patch(url, {"name": "Two", "fields": {"database": "shop", "password": ""}})
    assert (changed.json()["name"], changed.json()["fields"]["database"]) == ("Two", "shop")
    held = services.credential_fields(world.workspace.pk, "Two").fields
    assert (held["password"], held["host"]) == ("s3cret-pass", "db.example.org")
    entry = AuditEntry.objects.get(action="credential.changed")
    assert "s3cret-pass" not in json.dumps([entry.before, entry.after])


def test_one_secret_given_anew_does_not_take_the_other_along(world: World) -> None:
    fields = {"endpoint": "https://good.example.org", "bucket": "b", "access_key_id": "AK"}
    made = keep(world, "s3", **fields, secret_access_key="s3cret-key-1", session_token="s3cret-token-1")
    url = f"{world.url}/credentials/{made['id']}"
    moved = {"endpoint": "https://evil.example.org", "session_token": "my-own-token"}
    refused = world.owner.client.patch(url, {"fields": moved})
    assert refused.json()["code"] == "credential.secret_again"
    both = {"fields": {**moved, "secret_access_key": "my-own-key"}}
    assert world.owner.client.patch(url, both).status_code == 200


def test_a_secret_goes_to_a_further_host_only_when_it_is_known(world: World) -> None:
    made = keep(world, "postgresql", host="db.example.org", username="ada", password="s3cret-pass")
    url = f"{world.url}/credentials/{made['id']}"
    moved = {"fields": {"host": "evil.example.org"}}
    assert world.owner.client.patch(url, moved).json()["code"] == "credential.secret_again"
    assert world.owner.client.patch(url, {"allowed_hosts": ["evil.example.org"]}).status_code == 422
    tried = {"kind": "postgresql", "credential_id": made["id"], **moved}
    refused = world.owner.client.post(f"{world.url}/credentials/test", tried)
    assert refused.json()["code"] == "credential.secret_again"
    moved["fields"]["password"] = "s3cret-pass"
    assert world.owner.client.patch(url, moved).json()["allowed_hosts"] == ["evil.example.org:5432"]


def test_a_form_is_tried_out_before_it_is_saved(world: World, settings: Any, mail_server: MailServer) -> None:
    fields = {
        "host": "127.0.0.1",
        "port": str(mail_server.port),
        "tls": "off",
        "username": mail_server.user,
        "password": mail_server.password,
    }
    url, body = f"{world.url}/credentials/test", {"kind": "smtp", "fields": fields}
    assert "may not reach" in world.owner.client.post(url, body).json()["message"]
    settings.ALLOW_PRIVATE_NETWORK = [ip_network("127.0.0.0/8")]
    assert world.owner.client.post(url, body).json()["ok"] is True
    assert not Credential.objects.exists()
    assert world.editor.client.post(url, body).status_code == 403


def test_uses_are_listed(world: World) -> None:
    made = keep(world, "signing_secret", secret="whsec_abcdefgh")
    services.credential_fields(world.workspace.pk, "One")
    items = world.editor.client.get(f"{world.url}/credentials/{made['id']}/uses").json()["items"]
    assert [(use["run_id"], use["host"]) for use in items] == [(None, "")]
    assert world.viewer.client.get(f"{world.url}/credentials/{made['id']}/uses").status_code == 403


def test_a_plug_ins_kind_is_kept_and_gone_with_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = {**BUILTIN_KINDS["bearer"].model_dump(), "id": "weather_token"}
    brought = [CredentialKind.model_validate(shape)]
    monkeypatch.setattr("apps.credentials.kinds._sources", [lambda _workspace: brought])
    body = {"name": "W", "kind": "weather_token", "fields": {"token": "tok-123456"}}
    body["allowed_hosts"] = ["api.weather.example"]
    assert world.owner.client.post(f"{world.url}/credentials", body).status_code == 201
    assert services.credential_for_host(world.workspace.pk, "W", "api.weather.example").fields["token"]
    brought.clear()
    with pytest.raises(SageError) as gone:
        services.credential_for_host(world.workspace.pk, "W", "api.weather.example")
    assert gone.value.code.code == "credential.no_kind"


def test_a_new_version_of_a_kind_cannot_bring_an_old_secret_to_light(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The field was secret when it was filled in; its plug-in shows it from now on."""
    shape = {**BUILTIN_KINDS["bearer"].model_dump(), "id": "weather_token"}
    brought = [CredentialKind.model_validate(shape)]
    monkeypatch.setattr("apps.credentials.kinds._sources", [lambda _workspace: brought])
    body = {"name": "W", "kind": "weather_token", "fields": {"token": "tok-123456"}}
    made = world.owner.client.post(f"{world.url}/credentials", body | {"allowed_hosts": ["w.example"]}).json()
    shown = [{**field, "secret": field["name"] != "token", "required": False} for field in shape["fields"]]
    more = {**shape["fields"][0], "name": "other", "secret": True, "required": False}
    placement = {**shape["placement"], "field": "other"}
    brought[:] = [CredentialKind.model_validate({**shape, "fields": [*shown, more], "placement": placement})]
    url = f"{world.url}/credentials/{made['id']}"
    changed = world.owner.client.patch(url, {"fields": {"other": "new-secret"}})
    assert changed.status_code == 200, changed.content
    assert "tok-123456" not in json.dumps(
        [changed.json(), world.owner.client.get(f"{world.url}/credentials").json()]
    )
