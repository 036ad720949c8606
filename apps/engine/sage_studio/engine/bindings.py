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

from sage_studio.expressions import Template, compile_template
from sage_studio.expressions.batch import Each
from sage_studio.expressions.handing import HandedOver, compile_handing_over
from sage_studio.flow.spec import Field, NodeSpec
from sage_studio.kernel import Json, SageError
from sage_studio.kernel.sealed import sealed

Evaluate = Callable[[Mapping[str, Any]], Any]
RESERVED_ROOTS = frozenset({"flow", "run", "vars", "inputs", "item", "index"})
_OPEN = "{{"
_NOTHING: frozenset[str] = frozenset()
_NO_FIELDS: Mapping[str, Field] = MappingProxyType({})


class BodyField(NamedTuple):
    """A field of a container that is evaluated at the end of an iteration."""

    name: str
    evaluate: Evaluate
    roots: frozenset[str]


@sealed(frozen=True, slots=True)
class Binding:
    """How a node's configuration comes about. ``roots`` are the names its expressions read, ``reads`` the
    whole paths; ``in_body`` are a container's fields that are evaluated inside its body, with the names
    they read. Where the binding ``hands_over``, values of ``resolve`` may be ``Pending``: whoever awaits
    has them settled (``handing_over.settled_config``)."""

    constants: Mapping[str, Any]
    computed: tuple[tuple[str, Evaluate], ...]
    per_item: tuple[tuple[str, Json, Evaluate], ...]
    roots: frozenset[str]
    in_body: tuple[BodyField, ...] = ()
    reads: frozenset[str] = frozenset()
    hands_over: bool = False

    @property
    def is_constant(self) -> bool:
        return not self.computed and not self.per_item

    def resolve(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration for one attempt. Raises SageError when an expression fails."""
        config = dict(self.constants)
        for name, evaluate in self.computed:
            config[name] = evaluate(scope)
        for name, template, evaluate in self.per_item:
            config[name] = CompiledItem(template, evaluate, scope)
        return config


class _Reads(set[str]):
    """The paths that are read. With ``may_hand_over``, texts may need JavaScript; then they say so."""

    may_hand_over = False
    hands_over = False


class CompiledItem:
    """An item field with the run's values in scope; see ``sdk.ItemExpression``. ``template`` is the field
    as it was drawn: another process compiles it anew (``compile_item``)."""

    __slots__ = ("_evaluate", "scope", "template")

    def __init__(self, template: Json, evaluate: Evaluate, scope: Mapping[str, Any]) -> None:
        self.template = template
        self.scope = dict(scope)
        self._evaluate = evaluate

    @property
    def source(self) -> str:
        template = self.template
        return template if isinstance(template, str) else json.dumps(template, ensure_ascii=False)

    def many(self, items: Sequence[Any], start: int = 0) -> list[Any]:
        return Each(self.template).values(self.scope, items, start)

    def columns(self, items: Sequence[Any], start: int = 0) -> dict[str, list[Any]] | None:
        return Each(self.template).columns(self.scope, items, start)

    def chosen(self, items: Any, start: int = 0) -> tuple[Any, list[list[bool]]] | None:
        return Each(self.template).chosen(items, start)

    def evaluate(self, item: Any, index: int = 0, **given: Any) -> Any:
        scope = self.scope
        scope["item"] = item
        scope["index"] = index
        if given:
            scope.update(given)
        return self._evaluate(scope)


def compile_item(template: Json, scope: Mapping[str, Any]) -> CompiledItem:
    """Raises SageError (``expression.*``) for a template that cannot be read."""
    return CompiledItem(template, _compile(template, set()) or _constant(template), scope)


def bind_config(config: Mapping[str, Json], spec: NodeSpec | None, path: str) -> Binding:
    """Prepare a node's configuration, with the spec's defaults for absent fields.

    Raises SageError (``expression.*``) with ``path`` leading to the field that cannot be read.
    """
    fields = spec.fields_by_name if spec else _NO_FIELDS
    constants: dict[str, Any] = dict(spec.constants) if spec else {}
    computed: list[tuple[str, Evaluate]] = []
    per_item: list[tuple[str, Json, Evaluate]] = []
    in_body: list[BodyField] = []
    reads = _Reads()
    values: Mapping[str, Json] = config
    if spec and spec.computed_defaults:
        values = {**{k: v for k, v in spec.computed_defaults.items() if k not in config}, **config}
    for name, value in values.items():
        use = fields[name].expression if name in fields else "allowed"
        if use == "never" or value is None:
            constants[name] = value
            continue
        if use == "body":
            in_body.append(BodyField(name, *bind_value(value, f"{path}.config.{name}")))
            continue
        found = _Reads()
        found.may_hand_over = use == "allowed"
        try:
            evaluate = _compile(value, found)
        except SageError as error:
            error.path = f"{path}.config.{name}{error.path}"
            raise
        reads.hands_over |= found.hands_over
        reads |= _without(found, fields[name].item_names if name in fields else ())
        if use == "item":
            constants.pop(name, None)
            per_item.append((name, value, evaluate or _constant(value)))
        elif evaluate is None:
            constants[name] = value
        else:
            constants.pop(name, None)
            computed.append((name, evaluate))
    return Binding(
        MappingProxyType(constants),
        tuple(computed),
        tuple(per_item),
        _root_names(reads) if reads else _NOTHING,
        tuple(in_body),
        frozenset(reads) if reads else _NOTHING,
        reads.hands_over,
    )


def _without(reads: set[str], given: Sequence[str]) -> set[str]:
    """What an expression reads beside the names its node gives it."""
    return {path for path in reads if path.partition(".")[0] not in given} if given else reads


def bind_value(value: Json, path: str) -> tuple[Evaluate, frozenset[str]]:
    """One value outside a node (a flow output): its evaluator and the names it reads."""
    reads: set[str] = set()
    try:
        evaluate = _compile(value, reads)
    except SageError as error:
        error.path = path + error.path
        raise
    return evaluate or _constant(value), _root_names(reads)


# What cannot be read says where on its way out: a path is put together only then.


def _compile(value: Json, reads: set[str]) -> Evaluate | None:
    """An evaluator for a value with expressions inside, or None when it holds none. ``path`` of the error
    begins with what stands behind the value's own place (``.a[2]``)."""
    if isinstance(value, str):
        return _compile_text(value, reads) if _OPEN in value else None
    if isinstance(value, list):
        return _compile_list(value, reads)
    if isinstance(value, dict):
        return _compile_object(value, reads)
    return None


def _compile_text(value: str, reads: set[str]) -> Evaluate:
    template: Template | HandedOver
    may_hand_over = isinstance(reads, _Reads) and reads.may_hand_over
    try:
        template = compile_handing_over(value) if may_hand_over else compile_template(value)
    except SageError as error:
        error.path = error.path and f".{error.path}"
        raise
    reads.update(template.reads)
    if isinstance(reads, _Reads):
        reads.hands_over |= isinstance(template, HandedOver)
    return template.evaluate


def _compile_list(values: list[Json], reads: set[str]) -> Evaluate | None:
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


def _compile_object(values: dict[str, Json], reads: set[str]) -> Evaluate | None:
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
