"""The node of a service: one spec with a choice of operations, and the settings each of them has."""

from __future__ import annotations

from typing import Any

from sage_studio.plugins.declared.errors import bad_service
from sage_studio.plugins.declared.shapes import Operation, Service
from sage_studio.sdk import Choice, Field, NodeSpec, Port, text
from sage_studio.sdk.definition import field_from_definition

OPERATION, CREDENTIAL, BASE_URL, LIMIT = "operation", "credential", "base_url", "max_items"
_OWN = (OPERATION, CREDENTIAL, BASE_URL, LIMIT)


def service_spec(service: Service) -> NodeSpec:
    """Raises SageError ``service.bad_file`` and ``node.bad_definition``."""
    first = service.operations[0]
    lists = [operation.id for operation in service.operations if operation.items is not None]
    fields = [_operations(service), *_credential(service), *_base_url(service), *_parameters(service)]
    if lists:
        fields.append(_limit(lists))
    return NodeSpec(
        id=service.id,
        version=service.version,
        name=service.name,
        description=service.description,
        author=service.author,
        category="service",
        icon=service.icon,
        inputs=(Port(name="value", type="any", label=text("After", "前置"), use="expressions"),),
        outputs=(
            Port(name="result", type="any", label=text("Result", "结果")),
            Port(name="items", type="array<any>", label=text("Items", "条目")),
        ),
        config=tuple(fields),
        effect=first.effect_class,
        gives_all=True,
        summary=text("{operation}", "{operation}"),
        default_timeout_s=600,
        example=service.example or {"config": {OPERATION: first.id}, "needs": service.name["en"]},
    )


def _operations(service: Service) -> Field:
    return Field(
        name=OPERATION,
        label=text("Operation", "操作"),
        control="select",
        expression="never",
        default=service.operations[0].id,
        options=tuple(Choice(value=entry.id, label=entry.name) for entry in service.operations),
    )


def _credential(service: Service) -> list[Field]:
    if not service.credential_kinds:
        return []
    return [
        Field(
            name=CREDENTIAL,
            label=text("Credential", "凭据"),
            control="credential",
            credential_kinds=service.credential_kinds,
            required=service.credential_is_required,
            default="",
            expression="never",
        )
    ]


def _base_url(service: Service) -> list[Field]:
    if not service.base_url.is_field:
        return []
    return [
        Field(
            name=BASE_URL,
            label=text("Address", "服务地址"),
            help=text(
                "Of your own server, if it is not the public one.", "如果使用自建服务器，请填写其地址。"
            ),
            default=service.base_url.default,
            max_length=500,
            expert=bool(service.base_url.default),
            required=True,
        )
    ]


def _limit(lists: list[str]) -> Field:
    return Field(
        name=LIMIT,
        type="integer",
        label=text("At most", "最多条数"),
        default=100,
        minimum=1,
        maximum=100_000,
        unit=text("items", "条"),
        show_when={OPERATION: tuple(lists)},
    )


def _parameters(service: Service) -> list[Field]:
    """Every parameter once, shown for the operations that have it."""
    found: dict[str, Field] = {}
    shown: dict[str, list[str]] = {}
    required: dict[str, list[bool]] = {}
    for operation in service.operations:
        for field in _fields(operation):
            known = found.setdefault(field.name, field)
            if known.type != field.type or field.name in _OWN:
                raise bad_service(f"operations.{operation.id}: “{field.name}” means something else elsewhere")
            shown.setdefault(field.name, []).append(operation.id)
            required.setdefault(field.name, []).append(field.required)
    return [
        field.model_copy(
            update={"show_when": {OPERATION: tuple(shown[name])}, "required": all(required[name])}
        )
        for name, field in found.items()
    ]


def _fields(operation: Operation) -> list[Field]:
    return [_field(parameter.name, parameter.details) for parameter in operation.parameters]


def _field(name: str, details: dict[str, Any]) -> Field:
    shape = dict(details)
    if shape.get("type", "string") in ("integer", "number"):
        shape.setdefault("min", 0)
        shape.setdefault("max", 1_000_000_000)
    if shape.get("required") and shape.get("type", "string") in ("string", "textarea"):
        shape.setdefault("wireable", True)
    return field_from_definition(name, shape)
