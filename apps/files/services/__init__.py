"""What can be done with files, blobs, vectors and the values flows keep."""

from apps.files.disk import Draft
from apps.files.services.collecting import blobs_collect
from apps.files.services.content import (
    artifact_write,
    blob_put,
    file_delete,
    file_upload,
    workspace_content_remove,
)
from apps.files.services.values import flow_value_get, flow_value_set
from apps.files.services.vectors import vector_model, vectors_search, vectors_upsert

__all__ = [
    "Draft",
    "artifact_write",
    "blob_put",
    "blobs_collect",
    "file_delete",
    "file_upload",
    "flow_value_get",
    "flow_value_set",
    "vector_model",
    "vectors_search",
    "vectors_upsert",
    "workspace_content_remove",
]
