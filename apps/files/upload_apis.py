"""Uploads that go on after a break, by tus 1.0.0 (https://tus.io/protocols/resumable-upload) with its
extensions creation, termination, checksum (SHA-256) and expiration. Any client of that protocol can send
files; beyond it, ``GET`` lists a person's unfinished uploads and says which file one has become.

A piece travels in one request and counts when it has arrived whole, so a client sends pieces of a few MB.
"""

from __future__ import annotations

import base64
import hmac
import uuid
from typing import IO, Any, ClassVar

from django.http import HttpRequest
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.policies import InWorkspace, Policy
from apps.files import selectors, services, uploads
from apps.files.apis import FileOut
from apps.files.disk import Draft
from apps.files.errors import UPLOAD_CHECKSUM, UPLOAD_HEADER, UPLOAD_VERSION
from apps.files.models import Upload
from apps.files.services.uploading import LIVES_FOR, require_place
from apps.workspaces.apis import WorkspaceApi
from sage_studio.kernel import SageError

VERSION = "1.0.0"
MEDIA_TYPE = "application/offset+octet-stream"
_READ_BYTES = 256 * 1024
_EXTENSIONS = "creation,termination,checksum,expiration"

_TUS = OpenApiParameter("Tus-Resumable", str, OpenApiParameter.HEADER, required=True, enum=[VERSION])
_OFFSET = OpenApiParameter(
    "Upload-Offset", int, OpenApiParameter.HEADER, required=True, description="Where the piece begins."
)
_CHECKSUM = OpenApiParameter(
    "Upload-Checksum", str, OpenApiParameter.HEADER, description="`sha256 <Base64>` of the piece."
)
_LENGTH = OpenApiParameter(
    "Upload-Length", int, OpenApiParameter.HEADER, required=True, description="Size of the whole file."
)
_METADATA = OpenApiParameter(
    "Upload-Metadata",
    str,
    OpenApiParameter.HEADER,
    description="Pairs of a key and a Base64 text, with commas between: `filename`, and `mark`, by which "
    "the sender knows the file again.",
)


class UploadOut(serializers.Serializer[Any]):
    """An upload; ``file`` is what it has become."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    mark = serializers.CharField()
    size_bytes = serializers.IntegerField()
    received_bytes = serializers.IntegerField()
    expires_at = serializers.SerializerMethodField()
    file = FileOut(allow_null=True)

    def get_expires_at(self, upload: Upload) -> str:
        return (upload.updated_at + LIVES_FOR).isoformat()


class UploadPageOut(serializers.Serializer[Any]):
    """The unfinished uploads of a person."""

    items = UploadOut(many=True)


class PieceParser(BaseParser):
    """The body straight into a draft on disk, which whoever asked for it closes."""

    media_type = MEDIA_TYPE

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None
    ) -> dict[str, Draft]:
        draft = Draft()
        try:
            while chunk := stream.read(_READ_BYTES):
                draft.write(chunk)
        except BaseException:
            draft.close()
            raise
        return {"piece": draft}


class TusApi(WorkspaceApi):
    """Base of the routes of uploads: the protocol's version, asked for and told."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in ("POST", "PATCH", "DELETE") and request.headers.get("Tus-Resumable") != VERSION:
            raise SageError(UPLOAD_VERSION)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        if response.status_code == UPLOAD_VERSION.status:
            response["Tus-Version"] = VERSION
        return response

    @extend_schema(exclude=True)
    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        headers = {
            "Tus-Version": VERSION,
            "Tus-Extension": _EXTENSIONS,
            "Tus-Checksum-Algorithm": "sha256",
            "Tus-Max-Size": str(uploads.limit_bytes()),
        }
        return Response(status=204, headers=headers)


class UploadsApi(TusApi):
    """Uploads of whoever asks."""

    policies: ClassVar[dict[str, Policy]] = {
        "GET": InWorkspace("file.view"),
        "POST": InWorkspace("file.write"),
    }

    @extend_schema(responses=UploadPageOut, operation_id="upload_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        found = selectors.uploads_unfinished(self.person, self.workspace)
        return Response({"items": UploadOut(found, many=True).data})

    @extend_schema(
        parameters=[_TUS, _LENGTH, _METADATA],
        request=None,
        responses={201: UploadOut},
        operation_id="upload_begin",
    )
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        facts = _metadata(request.headers.get("Upload-Metadata", ""))
        upload = services.upload_begin(
            self.person,
            self.workspace,
            name=facts.get("filename") or facts.get("name") or "file",
            size_bytes=_number(request, "Upload-Length"),
            mark=facts.get("mark", ""),
        )
        headers = {**_state(upload), "Location": f"{request.path}/{upload.pk}"}
        return Response(UploadOut(upload).data, status=201, headers=headers)


class UploadDetailApi(TusApi):
    """One upload of whoever asks; ``HEAD`` says how far it is."""

    policies: ClassVar[dict[str, Policy]] = {
        "GET": InWorkspace("file.view"),
        "PATCH": InWorkspace("file.write"),
        "DELETE": InWorkspace("file.write"),
    }
    parser_classes = (PieceParser,)

    def upload(self, upload_id: uuid.UUID) -> Upload:
        """Raises NotFound, for those of others as well."""
        return selectors.upload_get(self.person, self.workspace, upload_id)

    @extend_schema(responses=UploadOut, operation_id="upload_get")
    def get(self, request: Request, workspace_id: uuid.UUID, upload_id: uuid.UUID) -> Response:
        upload = self.upload(upload_id)
        return Response(UploadOut(upload).data, headers=_state(upload))

    @extend_schema(
        parameters=[_TUS, _OFFSET, _CHECKSUM],
        request={MEDIA_TYPE: OpenApiTypes.BINARY},
        responses={204: None},
        operation_id="upload_piece",
    )
    def patch(self, request: Request, workspace_id: uuid.UUID, upload_id: uuid.UUID) -> Response:
        upload = self.upload(upload_id)
        start = _number(request, "Upload-Offset")
        announced = request.META.get("CONTENT_LENGTH") or "0"
        require_place(upload, start=start, size_bytes=int(announced) if announced.isdigit() else 0)
        if isinstance(request.data, dict) and request.data:  # an empty body is not parsed
            with request.data["piece"] as draft:
                _require_checksum(request.headers.get("Upload-Checksum"), draft)
                services.upload_take(self.person, upload, draft, start=start)
        return Response(status=204, headers=_state(upload))

    @extend_schema(parameters=[_TUS], responses={204: None}, operation_id="upload_discard")
    def delete(self, request: Request, workspace_id: uuid.UUID, upload_id: uuid.UUID) -> Response:
        services.upload_discard(self.person, self.upload(upload_id))
        return Response(status=204)


def _state(upload: Upload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.received_bytes),
        "Upload-Length": str(upload.size_bytes),
        "Upload-Expires": http_date((upload.updated_at + LIVES_FOR).timestamp()),
    }


def _number(request: Request, header: str) -> int:
    value = request.headers.get(header, "")
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise SageError(UPLOAD_HEADER, {"header": header})
    return int(value)


def _metadata(header: str) -> dict[str, str]:
    """``filename d29yZC50eHQ=,mark …``: keys and Base64 texts."""
    facts: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _space, value = pair.partition(" ")
        try:
            facts[key] = base64.b64decode(value, validate=True).decode().replace("\x00", "")
        except ValueError:
            raise SageError(UPLOAD_HEADER, {"header": "Upload-Metadata"}) from None
    return facts


def _require_checksum(header: str | None, draft: Draft) -> None:
    if header is None:
        return
    algorithm, _space, digest = header.partition(" ")
    if algorithm != "sha256":
        raise SageError(UPLOAD_HEADER, {"header": "Upload-Checksum"})
    expected = base64.b64encode(bytes.fromhex(draft.sha256)).decode()
    if not hmac.compare_digest(digest.strip().encode(), expected.encode()):
        raise SageError(UPLOAD_CHECKSUM)
