"""Checks items against a JSON Schema and tells the good from the bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jsonschema_rs

from sage_studio.kernel import define_error
from sage_studio.sdk import (
    Choice,
    Chunk,
    ChunkNode,
    Context,
    Field,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

BAD_SCHEMA = define_error(
    "validator.bad_schema",
    3914,
    en="The schema itself is not valid: {reason}.",
    zh="JSON Schema 本身无效：{reason}。",
    hint_en='A schema for objects with a name: {{"type": "object", "required": ["name"]}}.',
    hint_zh='例如要求包含 name 的对象：{{"type": "object", "required": ["name"]}}。',
    status=422,
)
INVALID = define_error(
    "validator.invalid",
    3915,
    en="Item {index} does not fit the schema: {message} (at {path}).",
    zh="第 {index} 项不符合 Schema：{message}（位置：{path}）。",
    hint_en="Correct the data, or let invalid items go to the “rejects” port.",
    hint_zh="请修正数据，或让不合格的数据项走“不合格”端口。",
    status=422,
)
MAX_ERRORS = 20


class Validator(ChunkNode):
    """A rejected item comes with ``index``, the ``item`` and its ``errors`` (path and message)."""

    spec = NodeSpec(
        id="validator",
        name=text("Validate", "校验"),
        description=text(
            "Checks items against a JSON Schema; what does not fit goes its own way.",
            "用 JSON Schema 校验数据项，不合格的项走单独的端口。",
        ),
        category="processing",
        icon="shield",
        gives_all=True,
        deterministic=True,
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(
            Port(name="items", type="array<any>", label=text("Valid", "合格"), streams=True),
            Port(name="rejects", type="array<object>", label=text("Rejects", "不合格"), streams=True),
        ),
        config=(
            Field(
                name="schema",
                type="object",
                label=text("JSON Schema", "JSON Schema"),
                default={"type": "object", "required": []},
                required=True,
                control="json",
                expression="never",
            ),
            Field(
                name="on_invalid",
                label=text("What does not fit", "不合格时"),
                default="route",
                control="select",
                expression="never",
                options=(
                    Choice(value="route", label=text("Goes to “rejects”", "走“不合格”端口")),
                    Choice(value="fail", label=text("Fails the node", "节点失败")),
                ),
            ),
        ),
        example={
            "config": {"schema": {"type": "object", "required": ["name"]}},
            "inputs": {"items": [{"name": "Ada"}, {"nam": "Bo"}]},
            "outputs": {"items": [{"name": "Ada"}]},
        },
    )

    def __init__(self) -> None:
        self._seen = 0

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = Settings(self.spec, ctx, inputs)
        self._fails = settings.text("on_invalid") == "fail"
        self._validator = _validator(settings.mapping("schema"))

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        valid, rejects = Chunk(), Chunk()
        for item in chunk:
            if self._validator.is_valid(item):
                valid.append(item)
            else:
                errors = _errors(self._validator, item)
                if self._fails:
                    raise NodeError(INVALID, {"index": self._seen, **errors[0]})
                rejects.append({"index": self._seen, "item": item, "errors": errors})
            self._seen += 1
        return {"items": valid, "rejects": rejects}

    def snapshot(self) -> int:
        return self._seen

    def restore(self, state: Any) -> None:
        self._seen = state


def _validator(schema: Mapping[str, Any]) -> Any:
    """A validator that looks nothing up elsewhere and matches patterns in linear time."""
    try:
        return jsonschema_rs.validator_for(
            dict(schema),
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(),
            retriever=_nothing_elsewhere,
        )
    except (jsonschema_rs.ValidationError, ValueError) as error:
        reason = getattr(error, "message", None) or str(error)
        raise NodeError(BAD_SCHEMA, {"reason": reason[:300]}, path="config.schema") from error


def _nothing_elsewhere(uri: str) -> Any:
    raise ValueError(f"it refers to {uri}, and only references inside of the schema are followed")


def _errors(validator: Any, item: Any) -> list[dict[str, str]]:
    found = []
    for error in validator.iter_errors(item):
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
        found.append({"path": path.removeprefix(".") or "item", "message": error.message[:300]})
        if len(found) == MAX_ERRORS:
            break
    return found
