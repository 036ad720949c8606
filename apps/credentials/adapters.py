"""Trying credentials out: where sync meets async."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings

from apps.accounts.models import Person
from apps.common.problems import language_of_request
from apps.credentials import oauth2, services
from apps.credentials.errors import HOST_NOT_ALLOWED, NO_HOSTS
from apps.credentials.models import Credential
from sage_studio.egress import EgressPolicy, GuardedClient, checked_url, host_is_allowed, host_of, port_of
from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.credential_kinds.placing import OpenedCredential, hosts_from_fields
from sage_studio.plugins.credential_kinds.trials import Verdict, try_credential
from sage_studio.sdk import CredentialKind

T = TypeVar("T")


def credential_test(person: Person, credential: Credential, url: str) -> JsonObject:
    """Try a kept credential out, on the record. Raises SageError when the address is not allowed."""
    opened = services.credential_open(credential)
    _check_place(opened, url)
    services.credential_used(credential, None, opened.hosts[0] if opened.hosts else "", person)
    return _verdict(opened, url)


def draft_test(
    kind: CredentialKind, fields: Mapping[str, str], allowed_hosts: Sequence[str], url: str
) -> JsonObject:
    """Try a credential out that is not kept yet; ``fields`` are clean."""
    hosts = tuple(dict.fromkeys((*hosts_from_fields(kind, fields), *allowed_hosts)))
    opened = OpenedCredential("", kind, fields, hosts)
    _check_place(opened, url)
    return _verdict(opened, url)


def changed_test(
    person: Person, credential: Credential, given: Mapping[str, str], allowed_hosts: Sequence[str], url: str
) -> JsonObject:
    """Try out changes to a credential that are not kept yet, on the record. Raises FieldProblem."""
    opened = services.credential_draft(credential, given, allowed_hosts)
    _check_place(opened, url)
    services.credential_used(credential, None, opened.hosts[0] if opened.hosts else "", person)
    return _verdict(opened, url)


def app_connect(credential: Credential) -> None:
    """Fetch the first token of an app that has access of its own. Raises SageError."""
    async_to_sync(_fresh)(services.credential_open(credential))


def account_connect(person: Person, credential: Credential, code: str, verifier: str) -> None:
    """Exchange the code a person came back with, and keep the tokens. Raises SageError."""
    opened = services.credential_open(credential)
    tokens = async_to_sync(oauth2.exchange_code)(
        _client(), opened, code=code, verifier=verifier, redirect_uri=oauth2.redirect_address()
    )
    services.connect_finish(person, credential.pk, tokens)


async def _fresh(opened: OpenedCredential) -> OpenedCredential:
    return await services.token_fresh(_in_thread, _client(), opened)


async def _in_thread(work: Callable[[], T]) -> T:
    return await sync_to_async(work)()


def _client() -> GuardedClient:
    return GuardedClient(EgressPolicy(networks=tuple(settings.ALLOW_PRIVATE_NETWORK)))


def _check_place(opened: OpenedCredential, url: str) -> None:
    if not opened.hosts:
        raise SageError(NO_HOSTS, {"name": opened.name})
    if not url:
        return
    target = checked_url(url)
    if not host_is_allowed(opened.hosts, host_of(target), port_of(target)):
        allowed = ", ".join(opened.hosts)
        raise SageError(
            HOST_NOT_ALLOWED, {"name": opened.name, "host": host_of(target)[:260], "allowed": allowed}
        )


def _verdict(opened: OpenedCredential, url: str) -> JsonObject:
    language = language_of_request()
    try:
        verdict = async_to_sync(_try)(opened, url)
    except SageError as error:
        return {"ok": False, "status": None, "message": error.message(language)}
    return {"ok": verdict.ok, "status": verdict.status, "message": verdict.message[language]}


async def _try(opened: OpenedCredential, url: str) -> Verdict:
    return await try_credential(_client(), await _fresh(opened), url)
