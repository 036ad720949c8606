"""Reading a service file: YAML with a few short forms, and every fault named with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from sage_studio.expressions import ExpressionError, compile_template
from sage_studio.plugins.declared.errors import bad_service, reason_of
from sage_studio.plugins.declared.shapes import SCHEMA, Operation, Service
from sage_studio.plugins.declared.signing import MAKERS, SIGNERS

MAX_BYTES = 1 << 20
MAX_VALUES = 50_000
MAX_DEPTH = 50
MAX_PLAIN_CHARS = 10_000
_TEXTS = ("name", "description", "label", "help", "unit", "placeholder")
_PARAMETER_WORDS = {"in": "place", "as": "key", "name": "name", "slashes": "slashes"}
_NAMED = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_service(content: bytes | str) -> Service:
    """The service a file describes. Raises SageError ``service.bad_file``."""
    if len(content) > MAX_BYTES:
        raise bad_service("it is longer than 1 MB")
    try:
        _look_through(content)
        held = yaml.load(content, Loader=_Loader)  # noqa: S506 - one of the safe loaders
        _count(held, [MAX_VALUES])
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise bad_service(str(error)) from error
    if not isinstance(held, dict) or held.pop("service", None) != SCHEMA:
        raise bad_service(f"it must begin with “service: {SCHEMA}”")
    try:
        service = Service.model_validate(_whole(held))
    except ValidationError as error:
        raise bad_service(reason_of(error)) from error
    for operation in service.operations:
        _check(operation, service)
    return service


def _look_through(content: bytes | str) -> None:
    """Refuse what would harm while it is put together: nesting beyond the stack, merge keys, which multiply,
    and unquoted words that take long to be read as numbers. Parsing alone needs no stack."""
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            if event.value == "<<":
                raise bad_service("it holds a merge key “<<”, which is not supported")
            if len(event.value) > MAX_PLAIN_CHARS:
                raise bad_service(f"it holds more than {MAX_PLAIN_CHARS} characters without quotes")
        if depth > MAX_DEPTH:
            raise bad_service(f"it is nested deeper than {MAX_DEPTH} levels")


def _count(value: Any, left: list[int]) -> None:
    """Aliases of aliases may stand for more than there is room for; nobody needs that many values."""
    left[0] -= 1
    if left[0] < 0:
        raise bad_service(f"it holds more than {MAX_VALUES} values")
    entries = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for entry in entries:
        _count(entry, left)


def _whole(held: Mapping[str, Any]) -> dict[str, Any]:
    """The short forms written out."""
    shape = {key: _text(value) if key in _TEXTS else value for key, value in held.items()}
    if isinstance(shape.get("base_url"), str):
        shape["base_url"] = {"default": shape["base_url"]}
    shared = shape.pop("parameters", {})
    operations = shape.get("operations")
    if not isinstance(shared, Mapping) or not isinstance(operations, list):
        raise bad_service("“parameters” must be an object, and “operations” a list")
    shape["operations"] = [_operation(entry, shared) for entry in operations]
    return shape


def _operation(entry: Any, shared: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise bad_service("an operation must be an object")
    shape = {key: _text(value) if key in _TEXTS else value for key, value in entry.items()}
    given = shape.pop("parameters", ())
    shape["parameters"] = [_parameter(item, shared, str(entry.get("id"))) for item in given]
    return shape


def _parameter(item: Any, shared: Mapping[str, Any], operation: str) -> dict[str, Any]:
    """One that is written out, or the name of a shared one, with ``!`` when it is required."""
    if isinstance(item, str):
        name = item.removesuffix("!")
        if name not in shared:
            raise bad_service(f"operations.{operation}: there is no parameter “{name}”")
        item = {"name": name, **shared[name], **({"required": True} if item.endswith("!") else {})}
    if not isinstance(item, Mapping):
        raise bad_service(f"operations.{operation}: a parameter must be a name or an object")
    own = {_PARAMETER_WORDS[key]: value for key, value in item.items() if key in _PARAMETER_WORDS}
    rest = {key: value for key, value in item.items() if key not in _PARAMETER_WORDS}
    details = {key: _text(value) if key in (*_TEXTS, "description") else value for key, value in rest.items()}
    if isinstance(details.get("options"), Mapping):
        details["options"] = [
            {"value": key, "label": _text(held)} for key, held in details["options"].items()
        ]
    return {**own, "details": details}


def _text(value: Any) -> Any:
    """``English | 中文`` as both; a text without the sign counts for both languages."""
    if not isinstance(value, str):
        return value
    english, _, chinese = value.partition(" | ")
    return {"en": english.strip(), "zh": (chinese or english).strip()}


def _check(operation: Operation, service: Service) -> None:
    """Expressions can be read, and names that are used are there."""
    place = f"operations.{operation.id}"
    known = {parameter.name for parameter in operation.parameters}
    if missing := sorted(set(_NAMED.findall(operation.path)) - known):
        raise bad_service(f"{place}.path: there is no parameter “{missing[0]}”")
    auth = operation.auth or service.auth
    # Anything else could lead to another host than the one people agreed to.
    urls = [operation.path, *([auth.token.url] if auth.token is not None else [])]
    if not all(url.startswith("/") for url in urls):
        raise bad_service(f"{place}: a path must begin with /")
    if (auth.sign and auth.sign not in SIGNERS) or (operation.make and operation.make not in MAKERS):
        raise bad_service(f"{place}: “{auth.sign or operation.make}” is not known here")
    held = [operation.query, operation.headers, operation.body, service.errors.model_dump()]
    for text in _strings(held):
        try:
            compile_template(text)
        except ExpressionError as error:
            raise bad_service(f"{place}: “{text[:60]}”: {error.message()}") from error


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    entries = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for entry in entries for text in _strings(entry)]
