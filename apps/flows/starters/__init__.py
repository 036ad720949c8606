"""The flows a new workspace begins with: JSON files beside this module, one per flow and language
(``ask_documents.en.json``, ``ask_documents.zh.json``), in the order of their names."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from sage_studio.flow import canonical, parse
from sage_studio.kernel import JsonObject

_FOLDER = Path(__file__).parent


@lru_cache(maxsize=4)
def starter_flows(language: str) -> tuple[JsonObject, ...]:
    """The ready flows in ``language``; English where a flow has no such file."""
    found: list[JsonObject] = []
    for english in sorted(_FOLDER.glob("*.en.json")):
        own = english.with_name(english.name.replace(".en.json", f".{language}.json"))
        found.append(canonical(parse((own if own.exists() else english).read_bytes())))
    return tuple(found)
