"""JSON Schema of what a node takes and gives, made from its spec, and what it means to fit a field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sage_studio.flow.spec import Field, NodeSpec, Port
from sage_studio.flow.types import PortType, parse_type
from sage_studio.kernel import JsonObject

_BASIC: Mapping[str, JsonObject] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "null": {"type": "null"},
    "object": {"type": "object"},
    "any": {},
    "bytes": {"type": "string", "contentEncoding": "base64"},
}
# The records the product knows by name; others are objects.
_RECORDS: Mapping[str, JsonObject] = {
    "Document": {
        "type": "object",
        "properties": {"text": {"type": "string"}, "metadata": {"type": "object"}, "id": {"type": "string"}},
        "required": ["text"],
    },
    "File": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "mime": {"type": "string"}, "ref": {"type": "string"}},
        "required": ["name", "ref"],
    },
    "Embedding": {"type": "array", "items": {"type": "number"}},
    "Table": {"type": "array", "items": {"type": "object"}},
}


def schema_of(spec: NodeSpec) -> dict[str, Any]:
    """``{"inputs": schema, "config": schema, "outputs": schema}``: a setting that may be wired is in both of
    the first two."""
    wired = [field for field in spec.config if field.wireable]
    required = [port.name for port in spec.inputs if port.required]
    demanded = [field.name for field in spec.config if field.required and not field.wireable]
    return {
        "inputs": _object({**_ports(spec.inputs), **_fields(wired)}, required),
        "config": _object(_fields(spec.config), demanded),
        "outputs": _object(_ports(spec.outputs), []),
    }


def type_schema(kind: str | PortType) -> JsonObject:
    """A port type as JSON Schema."""
    wanted = parse_type(kind) if isinstance(kind, str) else kind
    if wanted.name == "|":
        return {"anyOf": [type_schema(member) for member in wanted.args]}
    if wanted.name in ("array", "stream"):
        return {"type": "array", **({"items": type_schema(wanted.args[0])} if wanted.args else {})}
    if wanted.name == "map":
        return {"type": "object", "additionalProperties": type_schema(wanted.args[0])}
    return dict(_BASIC.get(wanted.name) or _RECORDS.get(wanted.name) or _as_written(wanted))


def _as_written(wanted: PortType) -> JsonObject:
    return {} if wanted.name == "any" else {"type": "object", "title": wanted.name}


def field_schema(field: Field) -> JsonObject:
    """A setting as JSON Schema, with its bounds and choices."""
    shape: JsonObject = {} if field.type == "any" else {"type": field.type}
    bounds = {"minimum": field.minimum, "maximum": field.maximum, "maxLength": field.max_length}
    shape |= {key: value for key, value in bounds.items() if value is not None}
    if field.options and field.type == "string":
        shape["enum"] = [option.value for option in field.options]
    if field.default is not None:
        shape["default"] = field.default
    shape["title"] = field.label["en"]
    if field.help is not None:
        shape["description"] = field.help["en"]
    return shape


def _ports(ports: tuple[Port, ...]) -> dict[str, JsonObject]:
    return {port.name: {**type_schema(port.type), "title": port.label["en"]} for port in ports}


def _fields(fields: Iterable[Field]) -> dict[str, JsonObject]:
    return {field.name: field_schema(field) for field in fields}


def _object(properties: Mapping[str, JsonObject], required: list[str]) -> JsonObject:
    shape: JsonObject = {"type": "object", "properties": dict(properties)}
    if required:
        shape["required"] = list(required)
    return shape
