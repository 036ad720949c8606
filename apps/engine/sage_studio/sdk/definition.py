"""A node's spec as plain JSON, in the form the roadmap gives it, and back.

    {"id", "name", "category", "description", "icon", "color", "version", "author",
     "inputs": [{"name", "type", "required", "default", "min", "max", "description"}], "outputs": […],
     "config": {"field": {"type": "select", "options": ["a", "b"], "default": "a"}},
     "executor": {"type": "python", "module", "class"}}

An input of a scalar type is a setting that may be wired; with ``"as": "port"`` it is wired only, and
``"as": "field"`` makes a setting of one that is not scalar. Texts may be plain or ``{"en", "zh"}``, and
``inputs`` and ``outputs`` may be ``{"name": "type"}``. Everything else a ``NodeSpec`` knows is written with
its own name, so that nothing is lost on the way there and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from sage_studio.flow.spec import Field, NodeSpec, Port
from sage_studio.flow.types import PortType, parse_type
from sage_studio.kernel import SageError, define_error

BAD_DEFINITION = define_error(
    "node.bad_definition",
    3003,
    en="The definition of a node is wrong at {place}: {reason}",
    zh="节点定义在 {place} 处有误：{reason}",
    hint_en="PLUGINS.md lists every key with an example.",
    hint_zh="PLUGINS.md 中列出了所有键及示例。",
    status=422,
)

SCALARS = frozenset({"string", "integer", "number", "boolean"})
_FIELD_TYPES = SCALARS | {"object", "array", "any"}
_FIELD_KINDS = {"select": "string", "textarea": "string", "prompt": "string", "code": "string"}
_FIELD_WORDS = {"min": "minimum", "max": "maximum", "description": "help"}
_WORDS_BACK = {own: word for word, own in _FIELD_WORDS.items()}
_CATEGORIES = {
    "trigger": "trigger", "triggers": "trigger",
    "source": "source", "data source": "source", "data sources": "source", "input": "source",
    "processing": "processing", "data processing": "processing", "transform": "processing",
    "ai": "ai", "ai & ml": "ai", "ai and ml": "ai", "rag": "ai", "agent": "ai", "llm": "ai", "sage": "ai",
    "control": "control", "control flow": "control",
    "output": "output", "outputs": "output", "utility": "utility", "utilities": "utility", "tools": "utility",
    "service": "service", "services": "service", "integration": "service",
}  # fmt: skip
_HEAD = ("id", "name", "category", "description", "icon", "color", "version", "author")


def spec_from_definition(definition: Mapping[str, Any]) -> NodeSpec:
    """Raises SageError ``node.bad_definition``."""
    rest = {key: value for key, value in definition.items() if key not in ("executor", "order", "$schema")}
    ports, fields = _inputs(rest.pop("inputs", ()))
    fields += [_field(name, entry) for name, entry in _named(rest.pop("config", {}), "config")]
    outputs = [_port(name, entry, "outputs") for name, entry in _named(rest.pop("outputs", ()), "outputs")]
    order = {name: place for place, name in enumerate(definition.get("order", ()))}
    fields.sort(key=lambda field: order.get(str(field["name"]), -1))
    if "id" not in rest:
        raise _bad("id", "it is missing")
    name = rest.pop("name", rest["id"])
    shape = {
        **rest,
        "name": _text(name),
        "description": _text(rest.get("description") or name),
        "category": _category(rest.get("category", "utility")),
        "icon": rest.get("icon") or "plug",
        "inputs": ports,
        "outputs": outputs,
        "config": fields,
    }
    if "summary" in shape:
        shape["summary"] = _text(shape["summary"])
    try:
        spec = NodeSpec.model_validate(shape)
        for port in (*spec.input_ports(), *spec.outputs):
            parse_type(port.type)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _bad(".".join(map(str, first["loc"])), first["msg"]) from error
    except SageError as error:
        raise _bad("type", error.message()) from error
    return spec


def definition_of(spec: NodeSpec, *, origin: str = "") -> dict[str, Any]:
    """The JSON of a spec; ``origin`` (``module:Class``) becomes its executor."""
    whole = spec.model_dump(mode="json", exclude_none=True)
    plain = spec.model_dump(mode="json", exclude_defaults=True)
    head = {key: whole[key] for key in _HEAD if whole.get(key)}
    wired = [field for field in spec.config if field.wireable]
    inputs = [_port_out(port, is_input=True) for port in spec.inputs]
    inputs += [{"name": field.name, **_field_out(field, is_input=True)} for field in wired]
    config = {field.name: _field_out(field) for field in spec.config if not field.wireable}
    made = {**head, "inputs": inputs, "outputs": [_port_out(port) for port in spec.outputs]}
    if config:
        made["config"] = config
    kept = ("inputs", "outputs", "config", *_HEAD)
    made |= {key: value for key, value in plain.items() if key not in kept}
    names = [field.name for field in spec.config]
    if names != [*(field.name for field in wired), *config]:
        made["order"] = names
    if origin:
        module, _, name = origin.partition(":")
        made["executor"] = {"type": "python", "module": module, "class": name}
    return made


def field_from_definition(name: str, entry: Mapping[str, Any]) -> Field:
    """One setting by its JSON. Raises SageError ``node.bad_definition``."""
    try:
        return Field.model_validate(_field(name, entry))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _bad(".".join((name, *map(str, first["loc"]))), first["msg"]) from error


def executor_of(definition: Mapping[str, Any]) -> tuple[str, str]:
    """Module and class of a definition's executor. Raises SageError ``node.bad_definition``."""
    executor = definition.get("executor")
    if not isinstance(executor, Mapping) or executor.get("type", "python") != "python":
        raise _bad("executor", 'it must be {"type": "python", "module": …, "class": …}')
    module, name = executor.get("module"), executor.get("class")
    if not (isinstance(module, str) and module and isinstance(name, str) and name.isidentifier()):
        raise _bad("executor", "module and class must be names")
    return module, name


def _inputs(given: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    ports: list[dict[str, Any]] = []
    fields: list[dict[str, Any]] = []
    for name, entry in _named(given, "inputs"):
        wished = entry.get("type", "any")
        is_scalar = wished in _FIELD_KINDS or _parsed(wished, f"inputs.{name}").name in SCALARS
        kept_as = entry.get("as", "field" if is_scalar else "port")
        rest = {key: value for key, value in entry.items() if key != "as"}
        if kept_as == "field":
            fields.append({**_field(name, rest), "wireable": True})
        else:
            ports.append(_port(name, rest, "inputs"))
    return ports, fields


def _named(given: Any, place: str) -> list[tuple[str, dict[str, Any]]]:
    """Entries by name, from a list of ``{"name", …}`` or a mapping of name → type or details."""
    if isinstance(given, Mapping):
        return [
            (str(name), dict(entry) if isinstance(entry, Mapping) else {"type": entry})
            for name, entry in given.items()
        ]
    if not isinstance(given, (list, tuple)):
        raise _bad(place, "it must be a list or an object")
    entries = []
    for position, entry in enumerate(given):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
            raise _bad(f"{place}[{position}]", 'it must be an object with a "name"')
        entries.append((entry["name"], {key: value for key, value in entry.items() if key != "name"}))
    return entries


def _port(name: str, entry: Mapping[str, Any], place: str) -> dict[str, Any]:
    if not isinstance(entry.get("type", "any"), str):
        raise _bad(f"{place}.{name}.type", "it must be text")
    known = {key: value for key, value in entry.items() if key not in ("default", "min", "max")}
    shape = {**known, "name": name, "label": _text(entry.get("label") or _readable(name))}
    if shape.get("description") is not None:
        shape["description"] = _text(shape["description"])
    return shape


def _field(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    shape = {_FIELD_WORDS.get(key, key): value for key, value in entry.items()}
    wished = shape.get("type", "string")
    if wished in _FIELD_KINDS:
        shape.setdefault("control", wished)
        shape["type"] = _FIELD_KINDS[wished]
    else:
        shape["type"] = _parsed(wished, f"config.{name}.type").name
    if shape["type"] not in _FIELD_TYPES:
        raise _bad(f"config.{name}.type", f"“{wished}” is none of {', '.join(sorted(_FIELD_TYPES))}, select")
    if shape.get("options"):
        shape["options"] = [_choice(option) for option in shape["options"]]
        shape.setdefault("control", "select")
    shape["label"] = _text(shape.get("label") or _readable(name))
    for key in ("help", "unit", "placeholder"):
        if shape.get(key) is not None:
            shape[key] = _text(shape[key])
    return {**shape, "name": name}


def _parsed(wished: Any, place: str) -> PortType:
    """A type by the product's names (``int`` → ``integer``)."""
    try:
        return parse_type(str(wished))
    except SageError as error:
        raise _bad(place, error.message()) from error


def _choice(option: Any) -> dict[str, Any]:
    if isinstance(option, Mapping):
        value = str(option.get("value"))
        return {"value": value, "label": _text(option.get("label") or value)}
    return {"value": str(option), "label": _text(str(option))}


def _text(value: Any) -> Any:
    """Both languages of a text that is given in one."""
    return {"en": value, "zh": value} if isinstance(value, str) else value


def _category(wished: Any) -> str:
    """A category of the product; one it does not know counts as a utility."""
    return _CATEGORIES.get(str(wished).strip().lower(), "utility")


def _readable(name: str) -> str:
    words = name.replace("_", " ").strip() or name
    return words[:1].upper() + words[1:]


def _port_out(port: Port, *, is_input: bool = False) -> dict[str, Any]:
    shape = port.model_dump(mode="json", exclude_defaults=True)
    shape["type"] = port.type
    if is_input and parse_type(port.type).name in SCALARS:
        shape["as"] = "port"
    return shape


def _field_out(field: Field, *, is_input: bool = False) -> dict[str, Any]:
    plain = field.model_dump(mode="json", exclude_defaults=True)
    shape = {_WORDS_BACK.get(key, key): value for key, value in plain.items()}
    shape.pop("name")
    shape.pop("wireable", None)
    shape["type"] = field.type
    if is_input and field.type not in SCALARS:
        shape["as"] = "field"
    if field.control == "select" and field.type == "string":
        shape["type"] = "select"
        shape.pop("control")
    elif field.options and field.control is None:
        shape["control"] = None
    return shape


def _bad(place: str, reason: str) -> SageError:
    return SageError(BAD_DEFINITION, {"place": place, "reason": reason})
