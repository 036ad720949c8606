"""What can be done with files, uploads, blobs, vectors and the values flows keep."""

from apps.files.disk import Draft
from apps.files.services.collecting import blobs_collect
from apps.files.services.content import (
    artifact_write,
    artifacts_discard,
    blob_put,
    file_delete,
    file_rename,
    file_upload,
    files_forget,
    workspace_content_remove,
)
from apps.files.services.storage import retention_set
from apps.files.services.uploading import upload_begin, upload_discard, upload_take, uploads_forget
from apps.files.services.values import kept_value_get, kept_value_set, kept_values_delete
from apps.files.services.vectors import vector_model, vectors_search, vectors_upsert

__all__ = [
    "Draft",
    "artifact_write",
    "artifacts_discard",
    "blob_put",
    "blobs_collect",
    "file_delete",
    "file_rename",
    "file_upload",
    "files_forget",
    "kept_value_get",
    "kept_value_set",
    "kept_values_delete",
    "retention_set",
    "upload_begin",
    "upload_discard",
    "upload_take",
    "uploads_forget",
    "vector_model",
    "vectors_search",
    "vectors_upsert",
    "workspace_content_remove",
]
