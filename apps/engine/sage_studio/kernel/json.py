"""The one recursive alias for JSON values (a named alias, so that pydantic can validate it)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

from typing_extensions import TypeAliasType

Json = TypeAliasType("Json", "bool | int | float | str | list[Json] | dict[str, Json] | None")
JsonObject: TypeAlias = dict[str, Json]


def json_object(value: Mapping[str, object]) -> JsonObject:
    """A typed dictionary (``Text``, ``Problem``, …) as the plain JSON object it is."""
    return cast(JsonObject, dict(value))
