"""Configuration of a node, prepared once: constants apart from what is computed per run.

A field whose texts hold ``{{ }}`` becomes a small evaluator; a field meant for items stays
compiled and reaches the node as an ``ItemExpression``; everything else is a constant that all
runs of a plan share read-only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from sage_studio.engine.handing_over import ExpressionSandbox
from sage_studio.expressions import Template
from sage_studio.expressions.batch import Each
from sage_studio.expressions.handing import HandedOver, compile_here
from sage_studio.expressions.handing_items import fold_over, values_over
from sage_studio.flow.spec import Field, NodeSpec
from sage_studio.kernel import Json, SageError
from sage_studio.kernel.sealed import sealed
from sage_studio.sandbox import CodeRunner

Evaluate = Callable[[Mapping[str, Any]], Any]
RESERVED_ROOTS = frozenset({"flow", "run", "vars", "inputs", "item", "index"})
_OPEN = "{{"
_NOTHING: frozenset[str] = frozenset()
_NO_FIELDS: Mapping[str, Field] = MappingProxyType({})


class BoundValue(NamedTuple):
    """A value outside a node's own configuration: a container's field that is evaluated at the end of an
    iteration, an output of the flow. ``handed`` is its source where JavaScript has a part in it: what
    ``evaluate`` gives is then to be settled (``handing_over.settled_value``)."""

    name: str
    evaluate: Evaluate
    roots: frozenset[str]
    handed: Json = None


class PerItem(NamedTuple):
    """A field that is evaluated for each item; ``hands_over`` where JavaScript has a part in it."""

    name: str
    template: Json
    evaluate: Evaluate
    hands_over: bool


@sealed(frozen=True, slots=True)
class Binding:
    """How a node's configuration comes about. ``roots`` are the names its expressions read, ``reads`` the
    whole paths; ``in_body`` are a container's fields that are evaluated inside its body, with the names
    they read. In the fields that are ``handed`` over (by their sources) values of ``resolve`` may be
    ``Pending``: whoever awaits has them settled (``handing_over.settled_config``)."""

    constants: Mapping[str, Any]
    computed: tuple[tuple[str, Evaluate], ...]
    per_item: tuple[PerItem, ...]
    roots: frozenset[str]
    in_body: tuple[BoundValue, ...] = ()
    reads: frozenset[str] = frozenset()
    handed: Mapping[str, Json] | None = None

    @property
    def is_constant(self) -> bool:
        return not self.computed and not self.per_item

    def resolve(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration for one attempt. Raises SageError when an expression fails."""
        config = dict(self.constants)
        for name, evaluate in self.computed:
            config[name] = evaluate(scope)
        for field in self.per_item:
            config[field.name] = CompiledItem(
                field.template, field.evaluate, scope, hands_over=field.hands_over
            )
        return config


class _Reads(set[str]):
    """The paths that are read. With ``may_hand_over``, texts may need JavaScript; then they say so."""

    def __init__(self, *, may_hand_over: bool) -> None:
        super().__init__()
        self.may_hand_over = may_hand_over
        self.hands_over = False


class CompiledItem:
    """An item field with the run's values in scope; see ``sdk.ItemExpression``. ``template`` is the field
    as it was drawn: another process compiles it anew (``compile_item``)."""

    __slots__ = ("_evaluate", "hands_over", "scope", "template")

    def __init__(
        self, template: Json, evaluate: Evaluate, scope: Mapping[str, Any], *, hands_over: bool = False
    ) -> None:
        self.template = template
        self.scope = dict(scope)
        self.hands_over = hands_over
        self._evaluate = evaluate

    @property
    def source(self) -> str:
        template = self.template
        return template if isinstance(template, str) else json.dumps(template, ensure_ascii=False)

    def many(self, items: Sequence[Any], start: int = 0) -> list[Any]:
        return Each(self.template).values(self.scope, items, start)

    def columns(self, items: Sequence[Any], start: int = 0) -> dict[str, list[Any]] | None:
        return None if self.hands_over else Each(self.template).columns(self.scope, items, start)

    def chosen(self, items: Any, start: int = 0) -> tuple[Any, list[list[bool]]] | None:
        return None if self.hands_over else Each(self.template).chosen(items, start)

    def evaluate(self, item: Any, index: int = 0, **given: Any) -> Any:
        scope = self.scope
        scope["item"] = item
        scope["index"] = index
        if given:
            scope.update(given)
        return self._evaluate(scope)

    async def over(self, items: Sequence[Any], start: int, code: CodeRunner) -> list[Any]:
        """``many``, by JavaScript as far as needed."""
        if not self.hands_over:
            return self.many(items, start)
        return await values_over(self.template, self.scope, items, start, ExpressionSandbox(code))

    async def fold(self, items: Sequence[Any], start: int, carried: tuple[str, Any], code: CodeRunner) -> Any:
        """The value for the last item; each finds that of the one before under the name of ``carried``."""
        name, total = carried
        if self.hands_over:
            scope = {**self.scope, name: total}
            sandbox = ExpressionSandbox(code)
            return await fold_over(self.template, scope, items, start, carried=name, sandbox=sandbox)
        for at, item in enumerate(items, start):
            total = self.evaluate(item, at, **{name: total})
        return total


def compile_item(template: Json, scope: Mapping[str, Any]) -> CompiledItem:
    """Raises SageError (``expression.*``) for a template that cannot be read."""
    found = _Reads(may_hand_over=True)
    evaluate = _compile(template, found) or _constant(template)
    return CompiledItem(template, evaluate, scope, hands_over=found.hands_over)


def bind_config(config: Mapping[str, Json], spec: NodeSpec | None, path: str) -> Binding:
    """Prepare a node's configuration, with the spec's defaults for absent fields.

    Raises SageError (``expression.*``) with ``path`` leading to the field that cannot be read.
    """
    fields = spec.fields_by_name if spec else _NO_FIELDS
    constants: dict[str, Any] = dict(spec.constants) if spec else {}
    computed: list[tuple[str, Evaluate]] = []
    per_item: list[PerItem] = []
    in_body: list[BoundValue] = []
    reads: set[str] = set()
    handed: dict[str, Json] = {}
    values: Mapping[str, Json] = config
    if spec and spec.computed_defaults:
        values = {**{k: v for k, v in spec.computed_defaults.items() if k not in config}, **config}
    for name, value in values.items():
        use = fields[name].expression if name in fields else "allowed"
        if use == "never" or value is None:
            constants[name] = value
            continue
        if use == "body":
            in_body.append(bind_value(name, value, f"{path}.config.{name}"))
            continue
        found = _Reads(may_hand_over=use == "allowed" or fields[name].hands_over)
        try:
            evaluate = _compile(value, found)
        except SageError as error:
            error.path = f"{path}.config.{name}{error.path}"
            raise
        reads |= _without(found, fields[name].item_names if name in fields else ())
        if use == "item":
            constants.pop(name, None)
            per_item.append(PerItem(name, value, evaluate or _constant(value), found.hands_over))
        elif evaluate is None:
            constants[name] = value
        else:
            constants.pop(name, None)
            computed.append((name, evaluate))
            if found.hands_over:
                handed[name] = value
    return Binding(
        MappingProxyType(constants),
        tuple(computed),
        tuple(per_item),
        _root_names(reads) if reads else _NOTHING,
        tuple(in_body),
        frozenset(reads) if reads else _NOTHING,
        handed or None,
    )


def _without(reads: set[str], given: Sequence[str]) -> set[str]:
    """What an expression reads beside the names its node gives it."""
    return {path for path in reads if path.partition(".")[0] not in given} if given else reads


def bind_value(name: str, value: Json, path: str) -> BoundValue:
    """One value outside a node's own configuration. Raises SageError like ``bind_config``."""
    reads = _Reads(may_hand_over=True)
    try:
        evaluate = _compile(value, reads)
    except SageError as error:
        error.path = path + error.path
        raise
    handed = value if reads.hands_over else None
    return BoundValue(name, evaluate or _constant(value), _root_names(reads), handed)


# What cannot be read says where on its way out: a path is put together only then.


def _compile(value: Json, reads: _Reads) -> Evaluate | None:
    """An evaluator for a value with expressions inside, or None when it holds none. ``path`` of the error
    begins with what stands behind the value's own place (``.a[2]``)."""
    if isinstance(value, str):
        return _compile_text(value, reads) if _OPEN in value else None
    if isinstance(value, list):
        return _compile_list(value, reads)
    if isinstance(value, dict):
        return _compile_object(value, reads)
    return None


def _compile_text(value: str, reads: _Reads) -> Evaluate:
    template: Template | HandedOver
    try:
        template = compile_here(value, hands_over=reads.may_hand_over)
    except SageError as error:
        error.path = error.path and f".{error.path}"
        raise
    reads.update(template.reads)
    reads.hands_over |= isinstance(template, HandedOver)
    return template.evaluate


def _compile_list(values: list[Json], reads: _Reads) -> Evaluate | None:
    found: dict[int, Evaluate] = {}
    for i, value in enumerate(values):
        try:
            evaluate = _compile(value, reads)
        except SageError as error:
            error.path = f"[{i}]{error.path}"
            raise
        if evaluate is not None:
            found[i] = evaluate
    if not found:
        return None
    return lambda scope: [found[i](scope) if i in found else value for i, value in enumerate(values)]


def _compile_object(values: dict[str, Json], reads: _Reads) -> Evaluate | None:
    found: dict[str, Evaluate] = {}
    for key, value in values.items():
        try:
            evaluate = _compile(value, reads)
        except SageError as error:
            error.path = f".{key}{error.path}"
            raise
        if evaluate is not None:
            found[key] = evaluate
    if not found:
        return None
    if len(found) == len(values):
        return lambda scope: {key: evaluate(scope) for key, evaluate in found.items()}
    return lambda scope: {key: found[key](scope) if key in found else value for key, value in values.items()}


def _constant(value: Json) -> Evaluate:
    return lambda scope: value


def _root_names(reads: Iterable[str]) -> frozenset[str]:
    return frozenset([read.partition(".")[0].partition("[")[0] for read in reads])
