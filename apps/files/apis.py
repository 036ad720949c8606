"""Files of a workspace: upload, list, look at, download, rename, delete; what is kept and for how long; and
values of runs by their hash."""

from __future__ import annotations

import uuid
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.apis import StrictSerializer
from apps.common.errors import Invalid, NotFound
from apps.common.paging import paginate
from apps.common.policies import InWorkspace
from apps.files import previews, selectors, services, uploads
from apps.files.adapters import streamed
from apps.files.errors import UPLOAD_MISSING
from apps.files.models import Blob, File
from apps.files.services.storage import require_room
from apps.files.store import store
from apps.files.types import NAME_LENGTH, Kind
from apps.workspaces.apis import WorkspaceApi
from sage_studio.kernel import SageError

R = TypeVar("R", bound=HttpResponseBase)


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


class FileChangeIn(StrictSerializer):
    """A new name."""

    name = serializers.CharField(max_length=NAME_LENGTH)


class KeptOut(serializers.Serializer[Any]):
    """How many of a kind there are, and their size."""

    count = serializers.IntegerField()
    size_bytes = serializers.IntegerField()


class StorageOut(serializers.Serializer[Any]):
    """What a workspace keeps, and for how many days (0: always). A quota of 0 is none."""

    used_bytes = serializers.IntegerField()
    quota_bytes = serializers.IntegerField()
    max_upload_bytes = serializers.IntegerField()
    uploads = KeptOut()
    artifacts = KeptOut()
    values = KeptOut()
    vectors = KeptOut()
    uploads_days = serializers.IntegerField()
    artifacts_days = serializers.IntegerField()


class RetentionIn(StrictSerializer):
    """For how many days files are kept (0: always)."""

    uploads_days = serializers.IntegerField(required=False, min_value=0, max_value=3650)
    artifacts_days = serializers.IntegerField(required=False, min_value=0, max_value=3650)


class PreviewOut(serializers.Serializer[Any]):
    """A first look: ``kind`` says which of the others is filled; ``is_cut`` that there is more."""

    kind = serializers.ChoiceField(choices=["text", "table", "json", "image", "pdf", "none"])
    text = serializers.CharField()
    columns = serializers.ListField(child=serializers.CharField())
    rows = serializers.ListField(child=serializers.ListField(child=serializers.JSONField(allow_null=True)))
    page_count = serializers.IntegerField()
    is_cut = serializers.BooleanField()
    encoding = serializers.CharField()


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
        if request.method == "POST":
            require_room(kwargs["workspace_id"], int(announced) if announced.isdigit() else 0)

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", str, enum=[kind.value for kind in Kind]),
            OpenApiParameter("run_id", OpenApiTypes.UUID),
            OpenApiParameter("q", str, description="A part of the name."),
        ],
        responses=FilePageOut,
        operation_id="file_list",
    )
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        kind, run_id = request.query_params.get("kind", ""), request.query_params.get("run_id")
        if kind and kind not in set(Kind):
            raise Invalid("kind", "choice", "The kind is upload or artifact.")
        files = selectors.file_list(
            self.workspace,
            kind=kind,
            run_id=_uuid(run_id) if run_id else None,
            name=request.query_params.get("q", "")[:NAME_LENGTH],
        )
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

    policies = {
        "GET": InWorkspace("file.view"),
        "PATCH": InWorkspace("file.write"),
        "DELETE": InWorkspace("file.write"),
    }

    @extend_schema(responses=FileOut, operation_id="file_get")
    def get(self, request: Request, workspace_id: uuid.UUID, file_id: uuid.UUID) -> Response:
        return Response(FileOut(self.file(file_id)).data)

    @extend_schema(request=FileChangeIn, responses=FileOut, operation_id="file_rename")
    def patch(self, request: Request, workspace_id: uuid.UUID, file_id: uuid.UUID) -> Response:
        name = self.read(FileChangeIn, request)["name"]
        return Response(FileOut(services.file_rename(self.person, self.workspace, file_id, name=name)).data)

    @extend_schema(responses={204: None}, operation_id="file_delete")
    def delete(self, request: Request, workspace_id: uuid.UUID, file_id: uuid.UUID) -> Response:
        selectors.file_get(self.workspace, file_id)
        services.file_delete(self.person, self.workspace, file_id)
        return Response(status=204)


class FileContentApi(FileApi):
    """The bytes of a file, always as a download."""

    policy = InWorkspace("file.view")

    @extend_schema(responses={(200, "application/octet-stream"): bytes}, operation_id="file_content")
    def get(self, request: Request, workspace_id: uuid.UUID, file_id: uuid.UUID) -> StreamingHttpResponse:
        file = self.file(file_id)
        return _download(request, workspace_id, file.blob, name=file.name, mime=file.mime)


class FilePreviewApi(FileApi):
    """A first look at a file."""

    policy = InWorkspace("file.view")

    @extend_schema(responses=PreviewOut, operation_id="file_preview")
    def get(self, request: Request, workspace_id: uuid.UUID, file_id: uuid.UUID) -> Response:
        return Response(previews.file_preview(self.file(file_id)))


class FilePageApi(FileApi):
    """A page of a PDF as a picture that was drawn here."""

    policy = InWorkspace("file.view")

    @extend_schema(responses={(200, "image/png"): bytes}, operation_id="file_page")
    def get(self, request: Request, workspace_id: uuid.UUID, file_id: uuid.UUID, page: int) -> HttpResponse:
        response = HttpResponse(previews.page_png(self.file(file_id), page), content_type="image/png")
        return _guarded(response, f"page-{page}.png")


class StorageApi(WorkspaceApi):
    """How much the workspace keeps, and for how long."""

    policies = {"GET": InWorkspace("file.view"), "PATCH": InWorkspace("workspace.manage")}

    @extend_schema(responses=StorageOut, operation_id="storage_get")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        return Response(StorageOut(selectors.storage_of(self.workspace)).data)

    @extend_schema(request=RetentionIn, responses=StorageOut, operation_id="storage_update")
    def patch(self, request: Request, workspace_id: uuid.UUID) -> Response:
        services.retention_set(self.person, self.workspace, **self.read(RetentionIn, request))
        return self.get(request, workspace_id)


class BlobApi(WorkspaceApi):
    """A big value of a run by its hash, always as a download."""

    policy = InWorkspace("run.view")

    @extend_schema(responses={(200, "application/octet-stream"): bytes}, operation_id="blob_content")
    def get(self, request: Request, workspace_id: uuid.UUID, key: str) -> StreamingHttpResponse:
        self.require_values()
        blob = selectors.blob_find(self.workspace, key)
        ending = ".json" if blob.mime == "application/json" else ".bin"
        return _download(
            request, workspace_id, blob, name=f"value-{blob.sha256[:12]}{ending}", mime=blob.mime
        )


def _download(
    request: Request, workspace_id: uuid.UUID, blob: Blob, *, name: str, mime: str
) -> StreamingHttpResponse:
    """Content that no browser will render on this origin, whatever it is."""
    try:
        pieces = store().stream(workspace_id, blob.sha256, selectors.CHUNK_BYTES)
    except FileNotFoundError:
        raise NotFound from None
    response = _guarded(streamed(request, pieces, content_type=mime), name)
    response["Content-Length"] = str(blob.size_bytes)
    return response


def _guarded(response: R, name: str) -> R:
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
