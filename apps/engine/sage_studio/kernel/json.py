"""The one recursive alias for JSON values (a named alias, so that pydantic can validate it)."""

from __future__ import annotations

from typing import TypeAlias, Union

from typing_extensions import TypeAliasType

Json = TypeAliasType("Json", Union[None, bool, int, float, str, list["Json"], dict[str, "Json"]])
JsonObject: TypeAlias = dict[str, Json]
