"""What a caller who waits is told: the answer of a run, read from its rows."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import FileResponse, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from apps.executions.models import NodeRun, Run
from apps.executions.types import FINAL_STATES
from apps.files.selectors import file_stream
from apps.triggers.values import values_read
from sage_studio.kernel import SageError

ANSWER_NODE = "api_response"
# Set by the server, or able to speak for its origin.
_FORBIDDEN = frozenset({
    "accept-ch", "access-control-allow-credentials", "access-control-allow-origin", "alt-svc",
    "clear-site-data", "connection", "content-length", "content-security-policy", "content-type",
    "critical-ch", "date", "expect-ct", "host", "keep-alive", "nel", "public-key-pins", "report-to",
    "reporting-endpoints", "server", "service-worker-allowed", "set-cookie", "set-cookie2", "set-login",
    "strict-transport-security", "te", "trailer", "transfer-encoding", "upgrade", "use-as-dictionary",
    "www-authenticate", "x-content-type-options", "x-frame-options", "x-lighttpd-send-file", "x-sendfile",
})  # fmt: skip
# Orders to a proxy in front (to send a file of its own, say), and what browsers alone may say.
_FORBIDDEN_BEGINNINGS = ("proxy-", "sec-", "x-accel-", "x-litespeed-")
# People's content never acts as a page of ours.
SAFE = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"}


@dataclass(frozen=True, slots=True)
class Waited:
    """Where a run's answer is looked for: ``nodes`` are those that answer; none: the run's own end."""

    run_id: uuid.UUID
    workspace_id: uuid.UUID
    nodes: tuple[str, ...] = ()


def answer_find(waited: Waited) -> HttpResponseBase | None:
    """The answer, or None while there is none."""
    if waited.nodes:
        rows = NodeRun.objects.filter(
            run_id=waited.run_id, node_id__in=waited.nodes, state="completed", iteration_path=""
        )
        row = rows.order_by("finished_at").first()
        if row is not None:
            return _of_node(waited.workspace_id, values_read(waited.workspace_id, row.outputs))
    run = Run.objects.filter(pk=waited.run_id).only("state", "outputs", "error").first()
    if run is None or run.state not in FINAL_STATES:
        return None
    if run.state != Run.State.COMPLETED:
        code = (run.error or {}).get("code", "run.cancelled")
        return JsonResponse({"run_id": str(run.pk), "state": run.state, "code": code}, status=502)
    if waited.nodes:
        return JsonResponse({"run_id": str(run.pk), "state": run.state}, status=200)
    return JsonResponse(values_read(waited.workspace_id, run.outputs), headers=SAFE)


def _of_node(workspace_id: uuid.UUID, outputs: Mapping[str, Any]) -> HttpResponseBase:
    told = outputs.get("response") or {}
    body, kind = outputs.get("body"), told.get("kind", "auto")
    if kind == "file" or (kind == "auto" and isinstance(body, dict) and {"ref", "mime"} <= body.keys()):
        response = _file(workspace_id, body)
    elif kind == "json" or (kind == "auto" and not isinstance(body, str)):
        response = JsonResponse(body, safe=False)
    else:
        words = "" if body is None else body if isinstance(body, str) else str(body)
        response = HttpResponse(
            words, content_type=f"text/{'html' if kind == 'html' else 'plain'}; charset=utf-8"
        )
    response.status_code = int(told.get("status", 200))
    for name, value in (told.get("headers") or {}).items():
        if _is_header(str(name), str(value)):
            response[str(name)] = str(value)
    for name, value in SAFE.items():
        response[name] = value
    return response


def _file(workspace_id: uuid.UUID, body: Any) -> HttpResponseBase:
    """A file of the workspace, in pieces, as an attachment."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    try:
        parts = file_stream(workspace_id, body)
    except (SageError, KeyError, TypeError):
        return JsonResponse({"code": "file.gone"}, status=502)
    response = FileResponse(parts, as_attachment=True, filename=str(body.get("name", "file")))
    response["Content-Type"] = "application/octet-stream"
    return response


def _is_header(name: str, value: str) -> bool:
    """Whether it can be a header, and says nothing beyond the answer it is of."""
    said = name.lower()
    if said in _FORBIDDEN or said.startswith(_FORBIDDEN_BEGINNINGS):
        return False
    return (
        name.replace("-", "").isalnum() and name.isascii() and value.isascii() and value.isprintable()
        and len(value) < 4_000
    )  # fmt: skip
