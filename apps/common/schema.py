"""The OpenAPI description of the API, for people who are signed in."""

from __future__ import annotations

from typing import Any

from drf_spectacular.views import SpectacularAPIView

from apps.common.apis import Api
from apps.common.paging import MAX_LIMIT
from apps.common.policies import SIGNED_IN

PAGING_PARAMETERS = (
    {"in": "query", "name": "limit", "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}},
    {"in": "query", "name": "cursor", "schema": {"type": "string"}},
)


def describe_paging(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say on every list that it takes ``limit`` and ``cursor`` (a spectacular post-processing hook).

    A list is a GET whose answer carries ``next_cursor``; ``paginate`` reads the two parameters there.
    """
    components = result.get("components", {}).get("schemas", {})
    for operations in result.get("paths", {}).values():
        operation = operations.get("get")
        if operation is None or not _is_list(operation, components):
            continue
        parameters = operation.setdefault("parameters", [])
        named = {parameter.get("name") for parameter in parameters}
        parameters.extend(dict(extra) for extra in PAGING_PARAMETERS if extra["name"] not in named)
    return result


def _is_list(operation: dict[str, Any], components: dict[str, Any]) -> bool:
    content = operation.get("responses", {}).get("200", {}).get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    return "next_cursor" in components.get(reference.rpartition("/")[2], {}).get("properties", {})


class SchemaApi(Api, SpectacularAPIView):
    """``GET schema``."""

    policy = SIGNED_IN
