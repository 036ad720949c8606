"""Files of a workspace: upload, list, download, delete; and values of runs by their hash."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Invalid, NotFound
from apps.common.paging import paginate
from apps.common.policies import InWorkspace
from apps.files import disk, selectors, services, uploads
from apps.files.errors import UPLOAD_MISSING
from apps.files.models import File
from apps.files.types import Kind
from apps.workspaces.apis import WorkspaceApi
from sage_studio.kernel import SageError


class FileOut(serializers.Serializer[Any]):
    """A file; ``name``, ``mime``, ``size_bytes`` and ``ref`` together are a File value in flows."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    mime = serializers.CharField()
    size_bytes = serializers.IntegerField()
    ref = serializers.CharField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in Kind])
    run_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()


class FilePageOut(serializers.Serializer[Any]):
    """A page of files."""

    items = FileOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class FileIn(serializers.Serializer[Any]):
    """An upload."""

    file = serializers.FileField()


class FileApi(WorkspaceApi):
    """Base of the routes of one file."""

    def file(self, file_id: uuid.UUID) -> File:
        """The file, unless a run wrote it and the reader may not see what runs give. Raises NotFound or
        SageError."""
        file = selectors.file_get(self.workspace, file_id)
        if file.kind == Kind.ARTIFACT:
            self.require_values()
        return file


class FilesApi(WorkspaceApi):
    """Files of the workspace."""

    policies = {"GET": InWorkspace("file.view"), "POST": InWorkspace("file.write")}
    parser_classes = (uploads.UploadParser,)
    _receiving: uploads.DraftUploadHandler | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Whatever the answer is, nothing received stays behind that was not kept."""
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            if self._receiving is not None:
                self._receiving.close()

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Choose where the body goes before anything (the anti-forgery check does) reads it."""
        if request.method == "POST":
            self._receiving = uploads.DraftUploadHandler(request)
            request.upload_handlers = [self._receiving]
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse by the announced length, before a byte of the body is read."""
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if announced.isdigit() and int(announced) > uploads.limit_bytes() + uploads.FRAME_BYTES:
            raise uploads.too_large()
        super().initial(request, *args, **kwargs)

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", str, enum=[kind.value for kind in Kind]),
            OpenApiParameter("run_id", OpenApiTypes.UUID),
        ],
        responses=FilePageOut,
        operation_id="file_list",
    )
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        kind, run_id = request.query_params.get("kind", ""), request.query_params.get("run_id")
        if kind and kind not in set(Kind):
            raise Invalid("kind", "choice", "The kind is upload or artifact.")
        files = selectors.file_list(self.workspace, kind=kind, run_id=_uuid(run_id) if run_id else None)
        if not self.sees_values:
            files = files.exclude(kind=Kind.ARTIFACT)
        page = paginate(request, files)
        return Response({"items": FileOut(page.items, many=True).data, "next_cursor": page.next_cursor})

    @extend_schema(
        request={"multipart/form-data": FileIn}, responses={201: FileOut}, operation_id="file_upload"
    )
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        received = request.FILES.get("file")
        if not isinstance(received, uploads.ReceivedFile):
            raise SageError(UPLOAD_MISSING)
        file = services.file_upload(
            self.person, self.workspace, name=received.name or "file", draft=received.draft
        )
        return Response(FileOut(file).data, status=201)


class FileDetailApi(FileApi):
    """One file."""

    policies = {"GET": InWorkspace("file.view"), "DELETE": InWorkspace("file.write")}

    @extend_schema(responses=FileOut, operation_id="file_get")
    def get(self, request: Request, workspace_id: uuid.UUID, file_id: uuid.UUID) -> Response:
        return Response(FileOut(self.file(file_id)).data)

    @extend_schema(responses={204: None}, operation_id="file_delete")
    def delete(self, request: Request, workspace_id: uuid.UUID, file_id: uuid.UUID) -> Response:
        selectors.file_get(self.workspace, file_id)
        services.file_delete(self.person, self.workspace, file_id)
        return Response(status=204)


class FileContentApi(FileApi):
    """The bytes of a file, always as a download."""

    policy = InWorkspace("file.view")

    @extend_schema(responses={(200, "application/octet-stream"): bytes}, operation_id="file_content")
    def get(self, request: Request, workspace_id: uuid.UUID, file_id: uuid.UUID) -> FileResponse:
        file = self.file(file_id)
        return _download(workspace_id, file.blob.sha256, name=file.name, mime=file.mime)


class BlobApi(WorkspaceApi):
    """A big value of a run by its hash, always as a download."""

    policy = InWorkspace("run.view")

    @extend_schema(responses={(200, "application/octet-stream"): bytes}, operation_id="blob_content")
    def get(self, request: Request, workspace_id: uuid.UUID, key: str) -> FileResponse:
        self.require_values()
        blob = selectors.blob_find(self.workspace, key)
        ending = ".json" if blob.mime == "application/json" else ".bin"
        return _download(workspace_id, blob.sha256, name=f"value-{blob.sha256[:12]}{ending}", mime=blob.mime)


def _download(workspace_id: uuid.UUID, sha256: str, *, name: str, mime: str) -> FileResponse:
    """Content that no browser will render on this origin, whatever it is."""
    try:
        content = disk.path_of(workspace_id, sha256).open("rb")
    except FileNotFoundError:
        raise NotFound from None
    response = FileResponse(content, content_type=mime)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _uuid(value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError:
        raise Invalid("run_id", "uuid", "This is not an id.") from None
