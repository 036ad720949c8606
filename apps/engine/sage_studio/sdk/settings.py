"""Reading a node's configuration: defaults, wired values, types and bounds in one place.

The editor and the validator check fields before a run; expressions and wires are only known
while it runs, so the same bounds hold here once more, with an error that names the field.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from sage_studio.kernel import define_error
from sage_studio.sdk.context import Context, FileRef
from sage_studio.sdk.errors import NodeError
from sage_studio.sdk.spec import Field, NodeSpec
from sage_studio.sdk.streams import Rows

BAD_SETTING = define_error(
    "node.bad_setting",
    3002,
    en="The field “{field}” {problem}.",
    zh="字段“{field}”{problem_zh}。",
    hint_en="Open the node and correct this field, or check the expression or connection that fills it.",
    hint_zh="请打开该节点修改此字段，或检查为它赋值的表达式或连线。",
    status=422,
)

ItemFunction: TypeAlias = Callable[[Any, int], Any]
ColumnsFunction: TypeAlias = Callable[[Sequence[Any], int], dict[str, list[Any]] | None]
ChosenFunction: TypeAlias = Callable[[Rows, int], "tuple[Rows, list[list[bool]]] | None"]
EachFunction: TypeAlias = Callable[[Sequence[Any], int], list[Any]]
OverFunction: TypeAlias = Callable[[Sequence[Any], int], Awaitable[list[Any]]]


def _bad(field: Field, en: str, zh: str) -> NodeError:
    facts = {"field": field.label["en"], "name": field.name, "problem": en, "problem_zh": zh}
    return NodeError(BAD_SETTING, dict(facts), path=f"config.{field.name}")


class Settings:
    """The values of one attempt: a wired input wins over the field, the field over its default."""

    def __init__(self, spec: NodeSpec, ctx: Context, inputs: Mapping[str, Any]) -> None:
        self._spec = spec
        self._ctx = ctx
        self._inputs = inputs

    @property
    def spec(self) -> NodeSpec:
        return self._spec

    def _field(self, name: str) -> Field:
        field = self._spec.field(name)
        if field is None:
            raise KeyError(f"{self._spec.id} has no field {name!r}")
        return field

    def raw(self, name: str) -> Any:
        """The value as it came; nothing at all counts as the default, except where any value may
        stand. Raises NodeError when a required field is empty."""
        field = self._field(name)
        value = self._inputs.get(name) if field.wireable else None
        if value is None:
            value = self._ctx.config.get(name)
        if value is None and not (field.type == "any" and name in self._ctx.config):
            value = field.default
        if field.required and (value is None or value == ""):
            raise _bad(field, "is empty", "为空")
        return value

    def text(self, name: str) -> str:
        """Text, with numbers written out; ``max_length`` holds."""
        field = self._field(name)
        value = self.raw(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise _bad(field, "must be text", "必须是文本")
        result = str(value)
        if field.max_length is not None and len(result) > field.max_length:
            limit = field.max_length
            raise _bad(field, f"is longer than {limit} characters", f"超过 {limit} 个字符")
        if field.options and result not in {option.value for option in field.options}:
            names = ", ".join(option.value for option in field.options)
            raise _bad(field, f"must be one of: {names}", f"必须是以下之一：{names}")
        return result

    def number(self, name: str) -> float:
        """A number within the field's bounds; numeric text counts."""
        field = self._field(name)
        value = self.raw(name)
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if math.isnan(number):
            raise _bad(field, "must be a number", "必须是数字")
        if not _within(field, number):
            bounds = f"{_plain(field.minimum)} … {_plain(field.maximum)}"
            raise _bad(field, f"must lie in {bounds}", f"必须在 {bounds} 之间")
        return number

    def optional_number(self, name: str) -> float | None:
        value = self.raw(name)
        return None if value is None or value == "" else self.number(name)

    def integer(self, name: str) -> int:
        """A whole number within the field's bounds."""
        number = self.number(name)
        if number != int(number):
            raise _bad(self._field(name), "must be a whole number", "必须是整数")
        return int(number)

    def flag(self, name: str) -> bool:
        """A switch; the texts ``true`` and ``false`` count."""
        value = self.raw(name)
        if isinstance(value, str):
            return value.strip().lower() in {"true", "1", "yes", "on"}
        return bool(value)

    def mapping(self, name: str) -> dict[str, Any]:
        """An object, or the empty one."""
        value = self.raw(name)
        if value is None or value == "":
            return {}
        if not isinstance(value, Mapping):
            raise _bad(self._field(name), "must be an object of names and values", "必须是名称与值的对象")
        return dict(value)

    def texts(self, name: str) -> list[str]:
        """A list of texts; one text counts as a list split at commas."""
        value = self.raw(name)
        if value is None:
            return []
        if isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list):
            raise _bad(self._field(name), "must be a list", "必须是列表")
        return [str(entry).strip() for entry in value if str(entry).strip()]

    def item(self, name: str) -> ItemFunction:
        """A per-item field as a function of ``(item, index)``; a plain value is constant."""
        value = self.raw(name)
        evaluate = getattr(value, "evaluate", None)
        if callable(evaluate):
            function: ItemFunction = evaluate
            return function
        return lambda _item, _index: value

    def each(self, name: str) -> EachFunction:
        """A per-item field as a function of ``(items, index of the first)`` that answers a list:
        many times quicker than item by item."""
        value = self.raw(name)
        many = getattr(value, "many", None)
        if callable(many):
            function: EachFunction = many
            return function
        one = self.item(name)
        return lambda items, start: [one(item, start + i) for i, item in enumerate(items)]

    def over(self, name: str) -> OverFunction:
        """``each`` to be awaited: the one for a field that ``hands_over``, whose expressions may need the
        JavaScript sandbox. Many items go there in one call."""
        value, code = self.raw(name), self._ctx.code
        if not self.hands_over(name):
            each = self.each(name)

            async def here(items: Sequence[Any], start: int) -> list[Any]:
                return each(items, start)

            return here

        async def there(items: Sequence[Any], start: int) -> list[Any]:
            found: list[Any] = await value.over(items, start, code)
            return found

        return there

    def hands_over(self, name: str) -> bool:
        """Whether the expression in a per-item field needs the JavaScript sandbox."""
        return getattr(self.raw(name), "hands_over", False) is True

    def each_columns(self, name: str) -> ColumnsFunction:
        """Like ``each`` for an object of expressions: its keys with a list of values each; None when
        it is no such object."""
        columns = getattr(self.raw(name), "columns", None)
        if callable(columns):
            function: ColumnsFunction = columns
            return function
        return lambda items, start: None

    def chosen_rows(self, name: str) -> ChosenFunction:
        """A condition over rows kept as columns: those that meet it, and for each of its parts, joined by
        ``&&``, which of the rows left by the parts before meet it. None where only ``each`` will do."""
        chosen = getattr(self.raw(name), "chosen", None)
        if callable(chosen):
            function: ChosenFunction = chosen
            return function
        return lambda rows, start: None

    def files(self, name: str) -> list[FileRef]:
        """File values: one, a list, or (on the command line) paths as text."""
        field = self._field(name)
        try:
            return as_files(self.raw(name))
        except ValueError as error:
            raise _bad(field, "must hold files", "必须是文件") from error


def _within(field: Field, number: float) -> bool:
    if math.isinf(number):
        return False
    too_small = field.minimum is not None and number < field.minimum
    too_big = field.maximum is not None and number > field.maximum
    return not (too_small or too_big)


def _plain(bound: float | None) -> str:
    return "∞" if bound is None else f"{bound:g}"


def as_files(value: Any) -> list[FileRef]:
    """Read a File value, a list of them, or path text. Raises ValueError for anything else."""
    if value is None or value == "":
        return []
    if isinstance(value, list):
        return [file for entry in value for file in as_files(entry)]
    if isinstance(value, str):
        name = value.replace("\\", "/").rsplit("/", 1)[-1]
        ref = value if value.startswith(("sample:", "file:")) else f"path:{value}"
        return [FileRef(name=name.removeprefix("sample:"), mime="", size_bytes=0, ref=ref)]
    if isinstance(value, Mapping) and isinstance(value.get("ref"), str):
        return [
            FileRef(
                name=str(value.get("name") or "file"),
                mime=str(value.get("mime") or ""),
                size_bytes=int(value.get("size_bytes") or 0),
                ref=value["ref"],
            )
        ]
    raise ValueError("not a file")
