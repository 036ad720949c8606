"""Tokens of accounts connected by OAuth 2: connecting, and renewing them once however many want them.

Asking the service takes time, so nobody holds a transaction meanwhile: whoever renews says so in the row
(``renewing_until``), the others wait for what comes of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Person
from apps.audit.services import record
from apps.common.db import write_transaction
from apps.credentials import oauth2, sealing
from apps.credentials.errors import BAD_STATE, NOT_CONNECTED, RENEWING, TOKEN_REFUSED
from apps.credentials.models import Credential, OAuthAttempt
from apps.credentials.services.boxes import place_of, put, secrets_of
from apps.credentials.services.using import credential_open
from apps.workspaces import policies
from apps.workspaces.types import Action
from sage_studio.egress import GuardedClient
from sage_studio.kernel import SageError
from sage_studio.plugins.credential_kinds.placing import OpenedCredential

ATTEMPT_LASTS = timedelta(minutes=10)
RENEWING_LASTS_S = 40.0
_WAIT_S = 0.05
T = TypeVar("T")


class Call(Protocol):
    """Runs synchronous work off the event loop."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


def connect_begin(person: Person, credential: Credential, *, session_key: str, redirect_uri: str) -> str:
    """The address where the person signs in at the service. Raises SageError ``credential.*``."""
    policies.require(person, credential.workspace_id, Action.CREDENTIAL_MANAGE)
    opened = credential_open(credential)
    if opened.kind.oauth2 is None or not oauth2.wants_person(opened):
        raise SageError(NOT_CONNECTED, {"name": credential.name})
    state = secrets.token_urlsafe(32)
    url, verifier = oauth2.authorization_url(opened, redirect_uri=redirect_uri, state=state)
    box = sealing.seal_text(verifier, _digest(state))
    with write_transaction():
        OAuthAttempt.objects.filter(expires_at__lt=timezone.now()).delete()
        OAuthAttempt.objects.create(
            state_digest=_digest(state),
            session_digest=_digest(session_key),
            credential=credential,
            person=person,
            verifier=box,
            expires_at=timezone.now() + ATTEMPT_LASTS,
        )
    return url


def app_signs_in(credential: Credential) -> bool:
    """Whether an account is connected without a person: the app has access of its own."""
    opened = credential_open(credential)
    return opened.kind.oauth2 is not None and not oauth2.wants_person(opened)


def connect_take(person: Person, *, state: str, session_key: str) -> tuple[Credential, str]:
    """The credential a sign-in was begun for and its verifier; works once. Raises SageError
    ``credential.bad_state``."""
    digest = _digest(state)
    with write_transaction():
        attempt = OAuthAttempt.objects.select_related("credential").filter(pk=digest).first()
        is_theirs = (
            attempt is not None
            and attempt.person_id == person.pk
            and secrets.compare_digest(attempt.session_digest, _digest(session_key))
        )
        if attempt is None or not is_theirs or not OAuthAttempt.objects.filter(pk=digest).delete()[0]:
            raise SageError(BAD_STATE)
    if attempt.expires_at < timezone.now():
        raise SageError(BAD_STATE)
    policies.require(person, attempt.credential.workspace_id, Action.CREDENTIAL_MANAGE)
    return attempt.credential, sealing.unseal_text(bytes(attempt.verifier), digest)


def connect_finish(person: Person, credential_id: uuid.UUID, tokens: Mapping[str, str]) -> Credential:
    """Keep the tokens of an account that was just connected."""
    with write_transaction():
        credential = Credential.objects.select_for_update().get(pk=credential_id)
        policies.require(person, credential.workspace_id, Action.CREDENTIAL_MANAGE)
        credential.connected_at = timezone.now()
        _keep(credential, tokens)
        facts = {"name": credential.name}
        target = ("credential", credential.pk)
        record(person, "credential.connected", credential.workspace_id, target, after={**facts})
    return credential


async def token_fresh(call: Call, client: GuardedClient, opened: OpenedCredential) -> OpenedCredential:
    """The credential with a token that holds for a while, renewed when it must be: by one of all workers.

    Raises SageError ``credential.not_connected``, ``credential.token_refused``, ``credential.renewing`` and
    ``http.*``.
    """
    if opened.kind.oauth2 is None or opened.id is None or not oauth2.is_stale(opened.fields):
        return opened
    give_up_at = asyncio.get_running_loop().time() + RENEWING_LASTS_S
    while asyncio.get_running_loop().time() < give_up_at:
        newest, is_mine = await call(partial(_renewal_claim, opened.id))
        if not is_mine and not oauth2.is_stale(newest.fields):
            return newest
        if is_mine:
            return await _renew(call, client, newest)
        await asyncio.sleep(_WAIT_S)
    raise SageError(RENEWING, {"name": opened.name})


async def _renew(call: Call, client: GuardedClient, opened: OpenedCredential) -> OpenedCredential:
    assert opened.id is not None, "it comes from a row"
    try:
        tokens = await oauth2.renewed(client, opened)
    except BaseException as error:
        await asyncio.shield(_released(call, opened.id, error))
        raise
    return await call(partial(_renewal_keep, opened.id, tokens))


async def _released(call: Call, credential_id: uuid.UUID, error: BaseException) -> None:
    await call(partial(_renewal_release, credential_id, error))


def _renewal_claim(credential_id: uuid.UUID) -> tuple[OpenedCredential, bool]:
    """The credential as it is now, and whether its renewal is ours to do."""
    now = timezone.now()
    free = Q(renewing_until=None) | Q(renewing_until__lt=now)
    with write_transaction():
        credential = Credential.objects.filter(pk=credential_id).first()
        if credential is None:
            raise SageError(NOT_CONNECTED, {"name": str(credential_id)})
        opened = credential_open(credential)
        if not oauth2.is_stale(opened.fields):
            return opened, False
        until = now + timedelta(seconds=RENEWING_LASTS_S)
        is_mine = Credential.objects.filter(free, pk=credential_id).update(renewing_until=until)
    return opened, bool(is_mine)


def _renewal_keep(credential_id: uuid.UUID, tokens: Mapping[str, str]) -> OpenedCredential:
    with write_transaction():
        credential = Credential.objects.select_for_update().filter(pk=credential_id).first()
        if credential is None:
            raise SageError(NOT_CONNECTED, {"name": str(credential_id)})
        _keep(credential, tokens)
    return credential_open(credential)


def _renewal_release(credential_id: uuid.UUID, error: BaseException) -> None:
    """Let others try; a refusal of the service is shown to people."""
    changed: dict[str, object] = {"renewing_until": None}
    if isinstance(error, SageError) and error.code in (TOKEN_REFUSED, NOT_CONNECTED):
        changed["broken"] = str(error.facts.get("reason") or error.message("en"))[:300]
    Credential.objects.filter(pk=credential_id).update(**changed)


def _keep(credential: Credential, tokens: Mapping[str, str]) -> None:
    """Seal tokens beside the other secrets."""
    held = {**secrets_of(credential), **tokens}
    ends = tokens.get("expires_at")
    credential.token_expires_at = datetime.fromtimestamp(float(ends), UTC) if ends else None
    credential.renewing_until, credential.broken = None, ""
    put(credential, sealing.seal(held, place_of(credential)))
    credential.save()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
