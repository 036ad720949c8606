"""JSON Schemas between people, services and answers.

A service is told to keep to a schema, and its answer is checked against it all the same: services that
only pass for OpenAI's ignore the wish, and an answer may be cut off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from sage_studio.kernel import Json, JsonObject
from sage_studio.plugins.models.errors import BAD_SCHEMA
from sage_studio.sdk import NodeError

_FENCED = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_HOLDERS = ("properties", "$defs", "definitions")
_MAX_SCHEMA_BYTES = 100_000
_MAX_PROBLEMS = 8


class ShapeProblem(Exception):
    """An answer that is no JSON or does not fit; its text is for the model that is asked again."""


class Shape:
    """A schema that answers are checked against. Raises NodeError ``llm.bad_schema``."""

    def __init__(self, schema: JsonObject) -> None:
        self.schema = schema
        if len(json.dumps(schema)) > _MAX_SCHEMA_BYTES:
            raise NodeError(BAD_SCHEMA, {"reason": f"it is longer than {_MAX_SCHEMA_BYTES} bytes"})
        if _refers_outside(schema):
            raise NodeError(BAD_SCHEMA, {"reason": "it refers to another document"})
        try:
            # Patterns are people's and values the model's: only expressions that take linear time.
            options = jsonschema_rs.RegexOptions()
            self._validator = jsonschema_rs.validator_for(schema, offline=True, pattern_options=options)
        except (jsonschema_rs.ValidationError, ValueError) as error:
            raise NodeError(BAD_SCHEMA, {"reason": str(error).splitlines()[0][:300]}) from error

    def read(self, text: str) -> Json:
        """The value an answer holds. Raises ShapeProblem."""
        fenced = _FENCED.match(text)
        try:
            value: Json = json.loads(fenced[1] if fenced else text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ShapeProblem(f"it is not JSON: {str(error)[:200]}") from None
        self.check(value)
        return value

    def check(self, value: Json) -> None:
        """Raises ShapeProblem."""
        problems: list[str] = []
        for error in self._validator.iter_errors(value):
            place = "/".join(str(step) for step in error.instance_path) or "the whole"
            problems.append(f"{place}: {error.message[:200]}")
            if len(problems) == _MAX_PROBLEMS:
                break
        if problems:
            raise ShapeProblem("; ".join(problems))


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _refers_outside(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        target = schema.get("$ref")
        if isinstance(target, str) and not target.startswith("#"):
            return True
        return any(_refers_outside(value) for value in schema.values())
    return isinstance(schema, list) and any(_refers_outside(value) for value in schema)


def closed(schema: JsonObject) -> JsonObject:
    """The schema with every object closed to further keys, as the services want it."""
    made: JsonObject = {}
    for key, value in schema.items():
        if key in _HOLDERS and isinstance(value, dict):
            made[key] = {name: closed(of) if isinstance(of, dict) else of for name, of in value.items()}
        elif isinstance(value, dict) and key not in {"const", "default", "enum", "examples"}:
            made[key] = closed(value)
        elif key in {"anyOf", "allOf", "oneOf", "prefixItems"} and isinstance(value, list):
            made[key] = [closed(of) if isinstance(of, dict) else of for of in value]
        else:
            made[key] = value
    if made.get("type") == "object" or "properties" in made:
        made["additionalProperties"] = False
    return made


def is_strict(schema: Json) -> bool:
    """Whether every field of every object is required, which OpenAI's strict mode asks for."""
    if isinstance(schema, list):
        return all(is_strict(entry) for entry in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict):
        required = schema.get("required")
        if not isinstance(required, list) or set(properties) - {str(name) for name in required}:
            return False
    return all(is_strict(value) for value in schema.values())
