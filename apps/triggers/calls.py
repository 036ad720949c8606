"""A call of a webhook as data: who may make it, and what is in it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
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
_HIDDEN = {"authorization", "cookie", "proxy-authorization"}


def method_check(live: Live, method: str) -> None:
    """Raises SageError for a method the trigger does not take."""
    wanted = str(live.config["method"])
    if wanted not in {"any", method}:
        raise SageError(METHOD, {"method": method})


def caller_check(live: Live, request: HttpRequest) -> str:
    """The name the call came under (empty: none), once it has shown that it may start the flow.

    Raises SageError ``trigger.not_allowed``, ``trigger.too_old`` or ``trigger.no_secret``.
    """
    how, given, now = str(live.config["auth"]), request.headers, time.time()
    if how == "none":
        return _own_key(given)
    fields = _secret(
        live, {"header": "key", "bearer": "token", "basic": "account"}.get(how, "signing_secret")
    )
    name = ""
    if how == "header":
        signatures.header_key(given, fields)
    elif how == "bearer":
        signatures.bearer(given, fields.get("token", ""))
    elif how == "basic":
        signatures.basic(given, fields)
    elif how == "github":
        name = signatures.github(given, body_of(live, request), fields.get("secret", ""))
    else:
        check = {"stripe": signatures.stripe, "slack": signatures.slack, "standard": signatures.standard}[how]
        name = check(given, body_of(live, request), fields.get("secret", ""), now)
    return _own_key(given) or name[:MAX_KEY_LENGTH]


def _own_key(headers: Mapping[str, str]) -> str:
    """``Idempotency-Key``; a call that is sent twice starts one run."""
    key = headers.get("Idempotency-Key", "")
    if key and not (len(key) <= MAX_KEY_LENGTH and key.isprintable()):
        raise SageError(IDEMPOTENCY_KEY, {"limit": MAX_KEY_LENGTH})
    return key


def _secret(live: Live, field: str) -> Mapping[str, str]:
    """The fields of the trigger's credential; it is compared here and sent nowhere, so no host counts."""
    found = Credential.objects.filter(
        workspace_id=live.trigger.workspace_id, name=str(live.config.get(field) or "")
    ).first()
    if found is None:
        raise SageError(NO_SECRET)
    try:
        fields = credential_open(found).fields
    except SageError as error:
        raise SageError(NO_SECRET) from error
    if not any(fields.get(name) for name in ("secret", "api_key", "token", "password")):
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


def data_of(live: Live, request: HttpRequest, run_id: uuid.UUID) -> dict[str, Any]:
    """What the flow starts with; files of the call are files of the run. Raises SageError for a body that
    is not what it says it is, or too much."""
    body, files = _content(live, request, run_id)
    return {
        "body": body,
        "query": plain_form(request.GET),
        "headers": {
            name.lower(): value for name, value in request.headers.items() if name.lower() not in _HIDDEN
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
        return body.decode("utf-8", "replace").replace("\x00", "\ufffd"), []
    return None, [_kept(live.trigger.workspace_id, run_id, "body", [body])]


def _length_check(live: Live, request: HttpRequest) -> None:
    limit = int(live.config["max_kb"]) * 1024
    length = request.META.get("CONTENT_LENGTH", "")
    if not length.isdigit() or int(length) > limit:
        raise SageError(TOO_LARGE, {"limit_bytes": limit})


def form_of(
    workspace_id: uuid.UUID, request: HttpRequest, run_id: uuid.UUID
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The values of a multipart form and its files, which become files of the run."""
    try:
        values, uploads = plain_form(request.POST), list(request.FILES.lists())
    except (MultiPartParserError, RequestDataTooBig):
        raise SageError(INVALID) from None
    files: list[dict[str, Any]] = []
    for name, received in uploads:
        for upload in received[: MAX_FILES - len(files)]:
            assert isinstance(upload, UploadedFile)
            kept = _kept(workspace_id, run_id, upload.name or name, upload.chunks())
            files.append({**kept, "field": name})
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
    return {name: values[0] if len(values) == 1 else values for name, values in form.lists()}
