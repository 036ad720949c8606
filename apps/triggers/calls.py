"""A call of a webhook as data: who may make it, and what is in it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParserError

from apps.common.errors import IDEMPOTENCY_KEY, INVALID, METHOD, TOO_LARGE
from apps.common.parsers import parse_json
from apps.credentials.models import Credential
from apps.credentials.services.using import credential_open
from apps.files.services import Draft, artifact_write
from apps.triggers import signatures
from apps.triggers.errors import NO_SECRET
from apps.triggers.selectors import Live
from apps.triggers.types import MAX_KEY_LENGTH
from sage_studio.kernel import SageError
from sage_studio.plugins.support.sniff import sniff_mime

MAX_FILES = 20
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
# What lets a caller in is no data: runs would keep it, and show it to everybody who may see them.
_HIDDEN = frozenset({"authorization", "cookie", "proxy-authorization"})
_SIGNATURES = frozenset({
    "x-hub-signature", "x-hub-signature-256", "stripe-signature", "x-slack-signature", "webhook-signature",
})  # fmt: skip
# The field that names the credential of each way, and what of that credential has to be there.
_SECRETS = {"header": ("key", "api_key"), "bearer": ("token", "token"), "basic": ("account", "password")}
_SIGNING = ("signing_secret", "secret")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who was let in: the name the call came under (empty: none), and the headers that let it in."""

    key: str
    hidden: frozenset[str] = frozenset()


def method_check(live: Live, method: str) -> None:
    """Raises SageError for a method the trigger does not take."""
    wanted = str(live.config["method"])
    if wanted not in {"any", method}:
        raise SageError(METHOD, {"method": method})


def caller_check(live: Live, request: HttpRequest) -> Caller:
    """The caller, once it has shown that it may start the flow. What was signed with a call names it before
    an ``Idempotency-Key``, which is not: with that, a call somebody has read could be sent again.

    Raises SageError ``trigger.not_allowed``, ``trigger.too_old`` or ``trigger.no_secret``.
    """
    how, given, now = str(live.config["auth"]), request.headers, time.time()
    if how == "none":
        return Caller(_own_key(given))
    fields = _secret(live, *_SECRETS.get(how, _SIGNING))
    name, hidden = "", _SIGNATURES
    if how == "header":
        signatures.header_key(given, fields)
        hidden = frozenset({signatures.key_header(fields).lower()})
    elif how == "bearer":
        signatures.bearer(given, fields.get("token", ""))
    elif how == "basic":
        signatures.basic(given, fields)
    elif how == "github":
        name = signatures.github(given, body_of(live, request), fields.get("secret", ""))
    else:
        check = {"stripe": signatures.stripe, "slack": signatures.slack, "standard": signatures.standard}[how]
        name = check(given, body_of(live, request), fields.get("secret", ""), now)
    own = _own_key(given)
    return Caller(name[:MAX_KEY_LENGTH] or own, hidden)


def _own_key(headers: Mapping[str, str]) -> str:
    """``Idempotency-Key``; a call that is sent twice starts one run."""
    key = headers.get("Idempotency-Key", "")
    if key and not (len(key) <= MAX_KEY_LENGTH and key.isprintable()):
        raise SageError(IDEMPOTENCY_KEY, {"limit": MAX_KEY_LENGTH})
    return key


def _secret(live: Live, field: str, part: str) -> Mapping[str, str]:
    """The fields of the trigger's credential, of which ``part`` is filled in: one of another kind would let
    in whoever shows nothing. It is compared here and sent nowhere, so no host counts."""
    found = Credential.objects.filter(
        workspace_id=live.trigger.workspace_id, name=str(live.config.get(field) or "")
    ).first()
    if found is None:
        raise SageError(NO_SECRET)
    try:
        fields = credential_open(found).fields
    except SageError as error:
        raise SageError(NO_SECRET) from error
    if not fields.get(part):
        raise SageError(NO_SECRET)
    return fields


def body_of(live: Live, request: HttpRequest) -> bytes:
    """The bytes of the body. Raises SageError when there are more than the trigger takes."""
    limit = int(live.config["max_kb"]) * 1024
    try:
        body = request.body
    except RequestDataTooBig:
        raise SageError(TOO_LARGE, {"limit_bytes": limit}) from None
    if len(body) > limit:
        raise SageError(TOO_LARGE, {"limit_bytes": limit})
    return body


def data_of(live: Live, request: HttpRequest, run_id: uuid.UUID, caller: Caller) -> dict[str, Any]:
    """What the flow starts with; files of the call are files of the run. Raises SageError for a body that
    is not what it says it is, or too much."""
    body, files = _content(live, request, run_id)
    hidden = _HIDDEN | caller.hidden
    return {
        "body": body,
        "query": plain_form(request.GET),
        "headers": {
            name.lower(): value for name, value in request.headers.items() if name.lower() not in hidden
        },
        "files": files,
        "method": request.method,
    }


def _content(live: Live, request: HttpRequest, run_id: uuid.UUID) -> tuple[Any, list[dict[str, Any]]]:
    kind = (request.content_type or "").lower()
    if kind == _MULTIPART:
        _length_check(live, request)
        return form_of(live.trigger.workspace_id, request, run_id)
    body = body_of(live, request)
    if not body:
        return None, []
    if live.config["raw"]:
        return None, [_kept(live.trigger.workspace_id, run_id, "body", [body])]
    if kind == "application/json" or kind.endswith("+json"):
        return parse_json(body), []
    if kind == _FORM:
        return plain_form(QueryDict(body, encoding="utf-8")), []
    if kind.startswith("text/") or kind.endswith(("+xml", "/xml")):
        return _storable(body.decode("utf-8", "replace")), []
    return None, [_kept(live.trigger.workspace_id, run_id, "body", [body])]


def _length_check(live: Live, request: HttpRequest) -> None:
    limit = int(live.config["max_kb"]) * 1024
    length = request.META.get("CONTENT_LENGTH", "")
    if not length.isdigit() or int(length) > limit:
        raise SageError(TOO_LARGE, {"limit_bytes": limit})


def form_of(
    workspace_id: uuid.UUID,
    request: HttpRequest,
    run_id: uuid.UUID,
    wanted: Collection[str] | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The values of a multipart form and its files, which become files of the run; with ``wanted`` those of
    these fields alone."""
    try:
        values, uploads = plain_form(request.POST), list(request.FILES.lists())
    except (MultiPartParserError, RequestDataTooBig):
        raise SageError(INVALID) from None
    files: list[dict[str, Any]] = []
    for name, received in uploads:
        if wanted is not None and name not in wanted:
            continue
        for upload in received[: MAX_FILES - len(files)]:
            assert isinstance(upload, UploadedFile)
            kept = _kept(workspace_id, run_id, upload.name or name, upload.chunks())
            files.append({**kept, "field": _storable(name)})
    return values, files


def _kept(workspace_id: uuid.UUID, run_id: uuid.UUID, name: str, parts: Iterable[bytes]) -> dict[str, Any]:
    with Draft() as draft:
        for part in parts:
            draft.write(part)
        mime = sniff_mime(name, draft.head)
        file = artifact_write(workspace_id, run_id=run_id, name=name, mime=mime, draft=draft)
    return {"name": file.name, "mime": file.mime, "size_bytes": file.size_bytes, "ref": file.ref}


def plain_form(form: QueryDict) -> dict[str, Any]:
    """One value as itself, several under one name as a list."""
    found = {_storable(name): [_storable(str(value)) for value in values] for name, values in form.lists()}
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _storable(text: str) -> str:
    """Without NUL, which no database keeps in a text."""
    return text.replace("\x00", "\ufffd")
