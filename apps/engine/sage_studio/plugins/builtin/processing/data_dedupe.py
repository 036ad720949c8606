"""Keeps one of several equal items."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.keys import keys_at
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

MAX_KEYS = 5_000_000
_KEY_BYTES = 16

TOO_MANY = define_error(
    "data_dedupe.too_many",
    3909,
    en="There are more than {limit} different items.",
    zh="不同的数据项超过 {limit} 个。",
    hint_en="Split the data first, for example by day or by region.",
    hint_zh="请先拆分数据，例如按日期或地区。",
    status=422,
)


class DataDedupe(ChunkNode):
    """Of a stream only a short fingerprint of each item is kept, unless the last one is wanted."""

    spec = NodeSpec(
        id="data_dedupe",
        name=text("Remove duplicates", "去重"),
        description=text(
            "Keeps one item of those that are equal, or equal in some fields.",
            "在完全相同（或指定字段相同）的数据项中只保留一项。",
        ),
        category="processing",
        icon="copy",
        gives_all=True,
        deterministic=True,
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), streams=True),
            Port(name="duplicates", type="array<any>", label=text("Duplicates", "重复项"), streams=True),
        ),
        config=(
            Field(
                name="by",
                type="array",
                label=text("Equal in", "比较字段"),
                help=text(
                    "Names of fields; a.b reaches inside. Empty: the whole item.",
                    "字段名称；可用 a.b 访问内层字段。留空则比较整个数据项。",
                ),
                default=[],
                control="list",
                expression="never",
            ),
            Field(
                name="keep",
                label=text("Keep", "保留"),
                default="first",
                control="select",
                expression="never",
                options=(
                    Choice(value="first", label=text("The first", "第一项")),
                    Choice(value="last", label=text("The last", "最后一项")),
                ),
            ),
        ),
        summary=text("by {by}", "按 {by}"),
        example={
            "config": {"by": ["mail"]},
            "inputs": {"items": [{"mail": "a@x", "n": 1}, {"mail": "a@x", "n": 2}]},
            "outputs": {"items": [{"mail": "a@x", "n": 1}], "duplicates": [{"mail": "a@x", "n": 2}]},
        },
    )

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._last: dict[bytes, Any] = {}

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = Settings(self.spec, ctx, inputs)
        self._by, self._keeps_last = settings.texts("by"), settings.text("keep") == "last"

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        return self._later(chunk) if self._keeps_last else self._first(chunk)

    def _first(self, chunk: Sequence[Any]) -> NodeOutput:
        kept, duplicates = Chunk(), Chunk()
        for item in chunk:
            key = _fingerprint(item, self._by)
            if key in self._seen:
                duplicates.append(item)
            else:
                self._seen.add(key)
                kept.append(item)
        _check(len(self._seen))
        return {"items": kept, "duplicates": duplicates}

    def _later(self, chunk: Sequence[Any]) -> NodeOutput:
        duplicates = Chunk()
        for item in chunk:
            key = _fingerprint(item, self._by)
            if key in self._last:
                duplicates.append(self._last.pop(key))
            self._last[key] = item
        _check(len(self._last))
        return {"duplicates": duplicates}

    async def finish(self) -> AsyncIterator[NodeOutput]:
        yield {"items": Chunk(self._last.values())} if self._keeps_last else {}

    def snapshot(self) -> Json:
        return {
            "seen": b"".join(sorted(self._seen)).hex(),
            "last": [[key.hex(), item] for key, item in self._last.items()],
        }

    def restore(self, state: Any) -> None:
        seen = bytes.fromhex(state["seen"])
        self._seen = {seen[at : at + _KEY_BYTES] for at in range(0, len(seen), _KEY_BYTES)}
        self._last = {bytes.fromhex(key): item for key, item in state["last"]}


def _fingerprint(item: Any, by: Sequence[str]) -> bytes:
    """Sixteen bytes of a cryptographic hash: that two different items share one does not happen."""
    key = keys_at(item, by)
    number = key if isinstance(key, float) and not key.is_integer() else None
    plain = key if number is not None or not isinstance(key, float) else int(key)
    return blake2b(repr(plain).encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()


def _check(count: int) -> None:
    if count > MAX_KEYS:
        raise NodeError(TOO_MANY, {"limit": MAX_KEYS})
