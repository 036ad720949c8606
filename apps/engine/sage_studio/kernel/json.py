"""The one recursive alias for JSON values (a named alias, so that pydantic can validate it)."""

from __future__ import annotations

from typing import TypeAlias

from typing_extensions import TypeAliasType

Json = TypeAliasType("Json", "bool | int | float | str | list[Json] | dict[str, Json] | None")
JsonObject: TypeAlias = dict[str, Json]
