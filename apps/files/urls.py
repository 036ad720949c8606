"""Routes of files, uploads in pieces, what is kept of them, and blobs."""

from django.urls import path

from apps.files import apis, upload_apis

workspace_urlpatterns = [
    path("files", apis.FilesApi.as_view()),
    path("files/<uuid:file_id>", apis.FileDetailApi.as_view()),
    path("files/<uuid:file_id>/content", apis.FileContentApi.as_view()),
    path("files/<uuid:file_id>/preview", apis.FilePreviewApi.as_view()),
    path("files/<uuid:file_id>/pages/<int:page>", apis.FilePageApi.as_view()),
    path("uploads", upload_apis.UploadsApi.as_view()),
    path("uploads/<uuid:upload_id>", upload_apis.UploadDetailApi.as_view()),
    path("storage", apis.StorageApi.as_view()),
    path("blobs/<str:key>", apis.BlobApi.as_view()),
]
