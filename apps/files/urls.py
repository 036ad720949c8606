"""Routes of files and blobs."""

from django.urls import path

from apps.files import apis

workspace_urlpatterns = [
    path("files", apis.FilesApi.as_view()),
    path("files/<uuid:file_id>", apis.FileDetailApi.as_view()),
    path("files/<uuid:file_id>/content", apis.FileContentApi.as_view()),
    path("blobs/<str:key>", apis.BlobApi.as_view()),
]
