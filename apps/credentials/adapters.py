"""Trying a credential on a host it allows: the one place of this app where sync meets async."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.conf import settings

from apps.accounts.models import Person
from apps.common.problems import language_of_request
from apps.credentials import services
from apps.credentials.errors import NO_HOSTS
from apps.credentials.models import Credential
from sage_studio.egress import EgressPolicy, GuardedClient, checked_url, host_of, port_of
from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.credential_kinds.placing import OpenedCredential, request_secret
from sage_studio.sdk import HttpResponse

_TIMEOUT_S = 10.0
_MAX_BYTES = 64 * 1024
_REFUSING = frozenset({401, 403})
_WORDS = {
    "en": ("The host accepted the credential.", "The host refused the credential."),
    "zh": ("主机接受了该凭据。", "主机拒绝了该凭据。"),
}


def credential_test(person: Person, credential: Credential, url: str) -> JsonObject:
    """Send one GET with the credential. Raises SageError when the address is not allowed."""
    if not credential.allowed_hosts:
        raise SageError(NO_HOSTS, {"name": credential.name})
    address = url or f"https://{credential.allowed_hosts[0]}/"
    target = checked_url(address)
    opened = services.credential_for_host(
        credential.workspace_id, credential.name, host_of(target), port=port_of(target), person=person
    )
    language = language_of_request()
    try:
        response = async_to_sync(_ask)(address, opened)
    except SageError as error:
        return {"ok": False, "status": None, "message": error.message(language)}
    refused = response.status in _REFUSING
    return {"ok": not refused, "status": response.status, "message": _WORDS[language][int(refused)]}


async def _ask(address: str, opened: OpenedCredential) -> HttpResponse:
    client = GuardedClient(EgressPolicy(networks=tuple(settings.ALLOW_PRIVATE_NETWORK)))
    secret = request_secret(opened)
    return await client.request("GET", address, timeout_s=_TIMEOUT_S, max_bytes=_MAX_BYTES, secret=secret)
