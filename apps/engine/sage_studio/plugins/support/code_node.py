"""What the nodes that run a person's code share: their settings, their ports, and the two ways to call."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

from sage_studio.kernel import Json, SageError, define_error
from sage_studio.plugins.support.code_values import TYPE_CHOICES, check_type
from sage_studio.sdk import (
    Choice,
    Chunk,
    CodeLanguage,
    CodeLimits,
    Context,
    Field,
    ItemStream,
    LogLine,
    NodeError,
    NodeOutput,
    Port,
    Settings,
    StreamNode,
    text,
)

BAD_INPUT_NAME = define_error(
    "code.bad_input_name",
    3620,
    en="“{name}” cannot be the name of an input.",
    zh="“{name}” 不能用作输入名称。",
    hint_en="Use letters, digits and underscores, begin with a letter, and no word of the language itself; a "
    "type may follow after a colon (“count: integer”).",
    hint_zh="名称须以字母开头，只含字母、数字和下划线，且不是语言关键字；"
    "可在冒号后写类型（例如 count: integer）。",
    status=422,
)
NO_ITEMS = define_error(
    "code.no_items",
    3621,
    en="Per item, the code needs a list on its input “Items”.",
    zh="逐项模式需要在“数据项”输入端接入列表。",
    hint_en="Connect a list, or switch to “All at once”.",
    hint_zh="请连接列表，或切换为“一次全部”模式。",
    status=422,
)

ALL, EACH = "all", "each"
_ITEMS_MOST = 1_000_000
_PIECE_ITEMS, _PIECE_BYTES = 1_000, 2 << 20
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

INPUTS = (
    Port(name="items", type="array<any>", label=text("Items", "数据项"), streams=True),
    Port(name="value", type="any", label=text("Value", "值")),
)
OUTPUTS = (
    Port(
        name="result",
        type="any",
        label=text("Result", "结果"),
        description=text("What the code returns, all at once.", "一次全部模式下代码的返回值。"),
    ),
    Port(
        name="items",
        type="array<any>",
        label=text("Items", "数据项"),
        description=text(
            "What the code returns for each item, or the list it returns all at once.",
            "逐项模式下每一项的返回值，或一次全部模式下返回的列表。",
        ),
        streams=True,
    ),
)


def code_fields(language: CodeLanguage, placeholder: str) -> tuple[Field, ...]:
    """The settings of a node that runs code."""
    return (
        Field(
            name="mode",
            label=text("Run", "运行方式"),
            control="select",
            default=ALL,
            options=(
                Choice(value=ALL, label=text("All at once", "一次全部")),
                Choice(value=EACH, label=text("Per item", "逐项")),
            ),
            help=text(
                "All at once: “items” holds the whole list. Per item: “item” is one of them and “index” its "
                "number from 0; lists of any length flow through. Each item is computed by itself; where "
                "nothing is returned, the item is left out.",
                "一次全部：items 为整个列表。逐项：item 为当前项，index 为从 0 开始的序号，"
                "可处理任意长度的列表。各项独立计算；没有返回值的项会被略去。",
            ),
            expression="never",
        ),
        Field(
            name="code",
            label=text("Code", "代码"),
            control="code",
            language=language,
            required=True,
            max_length=200_000,
            shared_text=True,
            expression="never",
            placeholder=text(placeholder, placeholder),
            help=text(
                "Inputs are variables; return gives the result. Or define main(…) with the inputs you need.",
                "输入即变量，用 return 返回结果；也可定义 main(…) 并列出所需输入。",
            ),
        ),
        Field(
            name="inputs",
            type="object",
            label=text("More inputs", "更多输入"),
            control="key_value",
            default={},
            help=text(
                "Name and value; the code sees each under its name. A type may follow: “rate: number”.",
                "名称和值，代码中以该名称访问。名称后可写类型，例如 rate: number。",
            ),
            placeholder=text("{{ nodes.other.result }}", "{{ nodes.other.result }}"),
        ),
        Field(
            name="returns",
            label=text("Returns", "返回类型"),
            control="select",
            default="any",
            options=TYPE_CHOICES,
            help=text(
                "The run fails with a clear message when the code returns something else.",
                "返回值类型不符时，运行会以明确的错误结束。",
            ),
            expression="never",
        ),
        Field(
            name="time_limit_s",
            type="number",
            label=text("Time limit", "时间限制"),
            default=10,
            minimum=0.1,
            maximum=300,
            unit=text("seconds", "秒"),
            help=text(
                "Of one call; per item, of a batch of items.", "单次调用的上限；逐项模式下为一批的上限。"
            ),
            expert=True,
            expression="never",
        ),
        Field(
            name="memory_mb",
            type="integer",
            label=text("Memory limit", "内存限制"),
            default=128,
            minimum=16,
            maximum=1024,
            unit=text("MB", "MB"),
            expert=True,
            expression="never",
        ),
    )


class CodeNode(StreamNode):
    """Runs the code in the sandbox. Per item, a batch of items crosses at once, and each batch is fresh."""

    language: ClassVar[CodeLanguage]
    clocks_and_chance: ClassVar[re.Pattern[str]]
    """What in a source may make it give something else the next time."""

    def __init__(self) -> None:
        self._done = 0

    @classmethod
    def is_deterministic(cls, config: Mapping[str, Json]) -> bool:
        """Unless the source mentions a way to the clock or to chance."""
        return cls.clocks_and_chance.search(str(config.get("code", ""))) is None

    @abstractmethod
    def is_full(self, settings: Settings) -> bool:
        """Whether the whole language is asked for, which administrators allow."""

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        call = _Call(self, ctx, settings)
        items: ItemStream | None = inputs.get("items")
        if settings.text("mode") == EACH:
            if items is None:
                raise NodeError(NO_ITEMS)
            given = {**self._named(settings), **_present(inputs, "value")}
            async for chunk in items.chunks():
                for piece in _pieces(chunk):
                    results = await call.map(piece, given, self._done)
                    self._done += len(piece)
                    yield {"items": Chunk([result for result in results if result is not None])}
            return
        given = {**self._named(settings), **_present(inputs, "value")}
        given["items"] = [] if items is None else await items.collect(limit=_ITEMS_MOST)
        result = await call.run(given)
        yield {"result": result}
        if isinstance(result, list):
            yield {"items": Chunk(result)}

    def snapshot(self) -> Json:
        return self._done

    def restore(self, state: Json) -> None:
        self._done = int(state) if isinstance(state, int) else 0

    def _named(self, settings: Settings) -> dict[str, Any]:
        """The further inputs, without the types in their names. Raises NodeError ``code.bad_input_name``."""
        given: dict[str, Any] = {}
        for written, value in settings.mapping("inputs").items():
            name, _, wanted = (part.strip() for part in written.partition(":"))
            if not _NAME.fullmatch(name) or name in _TAKEN or not self.can_name(name):
                raise NodeError(BAD_INPUT_NAME, {"name": written}, path="config.inputs")
            given[name] = check_type(value, wanted or "any", what=name, path="config.inputs")
        return given

    @classmethod
    @abstractmethod
    def can_name(cls, name: str) -> bool:
        """Whether the language lets a variable be called so."""


_TAKEN = frozenset({"items", "item", "index"})


def _present(inputs: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: inputs.get(name)}


def _pieces(chunk: Sequence[Any]) -> list[Sequence[Any]]:
    """A chunk in pieces that are small enough to hold twice; the first item stands for the others."""
    if not chunk:
        return []
    size = len(json.dumps(chunk[0], default=str)) + 1
    count = max(1, min(_PIECE_ITEMS, _PIECE_BYTES // size))
    return [chunk[at : at + count] for at in range(0, len(chunk), count)]


class _Call:
    """The calls of one attempt."""

    def __init__(self, node: CodeNode, ctx: Context, settings: Settings) -> None:
        self._ctx = ctx
        self._language = node.language
        self._source = settings.text("code")
        self._returns = settings.text("returns")
        self._is_full = node.is_full(settings)
        self._limits = CodeLimits(
            time_s=settings.number("time_limit_s"), memory_mb=settings.integer("memory_mb")
        )

    async def run(self, given: Mapping[str, Any]) -> Any:
        try:
            result = await self._ctx.code.run(
                self._language,
                self._source,
                inputs=given,
                limits=self._limits,
                log=self._log,
                full=self._is_full,
            )
        except SageError as error:
            error.path = error.path or "config.code"
            raise
        return check_type(result, self._returns, what="result", path="config.code")

    async def map(self, items: Sequence[Any], given: Mapping[str, Any], start: int) -> list[Any]:
        try:
            results = await self._ctx.code.map(
                self._language,
                self._source,
                items,
                inputs=given,
                start=start,
                limits=self._limits,
                log=self._log,
                full=self._is_full,
            )
        except SageError as error:
            error.path = error.path or "config.code"
            raise
        if self._returns == "any":
            return results
        return [
            result
            if result is None
            else check_type(result, self._returns, what=f"item {start + at}", path="config.code")
            for at, result in enumerate(results)
        ]

    def _log(self, line: LogLine) -> None:
        self._ctx.log(line.text, level=line.level, line=line.line)
