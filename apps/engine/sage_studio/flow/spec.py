"""The declarative half of a node: ports, configuration fields and what the engine may assume.

A spec exports to the JSON that the catalogue serves and the editor builds its forms from.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field as PydanticField

from sage_studio.kernel.errors import Text
from sage_studio.kernel.json import Json

Category = Literal["trigger", "source", "processing", "ai", "control", "output", "utility", "service"]
Effect = Literal["pure", "idempotent", "at_most_once"]
FieldType = Literal["string", "integer", "number", "boolean", "object", "array", "any"]
Control = Literal[
    "text", "textarea", "prompt", "code", "number", "slider", "switch", "select", "json", "list",
    "key_value", "files", "credential", "flow",
]  # fmt: skip
CodeLanguage = Literal["python", "javascript", "sql"]
ExpressionUse = Literal["allowed", "never", "item", "body"]


def text(en: str, zh: str) -> Text:
    """A sentence in both languages."""
    return Text(en=en, zh=zh)


class Shape(BaseModel):
    """A value that says nothing but what is declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Port(Shape):
    """A typed input or output. ``type`` is written as in the node library: ``array<Document>``.

    ``multiple`` inputs take any number of edges and receive a list of ``(source node id, value)``
    values in edge order; other inputs take one edge. The node's own code never reads an input whose
    ``use`` is ``expressions``: it is there for ``{{ inputs.name }}`` only. A list port that ``streams``
    carries its items one after another in flows that stream (``settings.mode``), when the other end of
    the connection does as well.
    """

    name: str
    type: str = "any"
    label: Text
    description: Text | None = None
    required: bool = False
    multiple: bool = False
    use: Literal["data", "expressions"] = "data"
    streams: bool = False


class Choice(Shape):
    """One option of a select field."""

    value: str
    label: Text


class Field(Shape):
    """One configuration field.

    ``minimum``/``maximum`` bound numbers and ``max_length`` bounds text, in ``unit``.
    ``expression`` says whether ``{{ }}`` is resolved before the node runs (``allowed``), is
    plain text (``never``), is handed to the node compiled, to be evaluated once per item with
    ``item`` and ``index`` in scope (``item``), or, on containers, is evaluated inside the body at the
    end of every iteration (``body``). ``show_when`` maps another field to the values
    that make this one appear. ``item_names`` are further names an ``item`` expression may use, which the
    node gives to each evaluation. ``shared_text`` fields are edited by several people at once
    character by character. ``wireable`` fields also appear as an input port of the same name;
    an edge wins over the field. A ``credential`` control offers credentials of ``credential_kinds``
    (none: any kind). A ``code`` control edits ``language``, if it names one.
    """

    name: str
    type: FieldType = "string"
    label: Text
    help: Text | None = None
    default: Json = None
    required: bool = False
    control: Control | None = None
    options: tuple[Choice, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    unit: Text | None = None
    placeholder: Text | None = None
    expert: bool = False
    expression: ExpressionUse = "allowed"
    item_names: tuple[str, ...] = ()
    hands_over: bool = False
    shared_text: bool = False
    wireable: bool = False
    show_when: dict[str, tuple[Json, ...]] | None = None
    credential_kinds: tuple[str, ...] = ()
    language: CodeLanguage | None = None


class Needs(Shape):
    """What one attempt of a node takes of its worker while it runs: ``cpu`` in processors, ``memory_mb``
    in MiB, ``gpu`` in whole devices."""

    cpu: float = PydanticField(default=0.0, ge=0)
    memory_mb: int = PydanticField(default=0, ge=0)
    gpu: int = PydanticField(default=0, ge=0)


class Body(Shape):
    """The inside of a container.

    ``gives`` are the ports its body sees on it (connections from the container to a child), ``takes``
    those its body fills (from a child to the container). With ``sections``, what hangs on the given
    port of that name belongs to that section and everything else to the first; with ``lanes`` every
    unconnected part of the body is a section of its own. In an ``is_loop`` container a ``stop`` node
    may end the iteration or the loop.
    """

    gives: tuple[Port, ...] = ()
    takes: tuple[Port, ...] = ()
    sections: tuple[str, ...] = ()
    lanes: bool = False
    is_loop: bool = False


class NodeSpec(Shape):
    """Everything the editor, the validator and the engine know of a node type.

    ``icon`` is a name of the set or an emoji; ``color`` (``#1890ff``) stands for the category's own.
    ``summary`` is a template over configuration fields for the card's second line
    (``"{size} characters"``). The outputs of a ``deterministic`` node follow from its configuration and
    inputs alone; a node that ``gives_all`` never leaves an output port out. ``blocking`` nodes run in a
    bounded thread pool. ``cpu_bound`` nodes count against the worker's processors.
    """

    id: str = PydanticField(pattern=r"^[a-z][a-z0-9_]{1,62}$")
    version: str = "1.0.0"
    name: Text
    description: Text
    category: Category
    icon: str
    color: str = PydanticField(default="", pattern=r"^(#[0-9a-fA-F]{3,8})?$")
    author: str = ""
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    config: tuple[Field, ...] = ()
    effect: Effect = "pure"
    blocking: bool = False
    cpu_bound: bool = False
    trigger: bool = False
    deterministic: bool = False
    gives_all: bool = False
    summary: Text | None = None
    aliases: tuple[str, ...] = ()
    default_timeout_s: float = 300.0
    example: dict[str, Any] | None = None
    body: Body | None = None
    needs: Needs | None = None

    def field(self, name: str) -> Field | None:
        return self.fields_by_name.get(name)

    def input_ports(self) -> tuple[Port, ...]:
        """Declared inputs and the wireable configuration fields."""
        return self._input_ports

    # What every node of the type asks for again and again is put together once.

    @cached_property
    def fields_by_name(self) -> Mapping[str, Field]:
        return MappingProxyType({field.name: field for field in self.config})

    @cached_property
    def inputs_by_name(self) -> Mapping[str, Port]:
        """Declared inputs and the wireable configuration fields."""
        return MappingProxyType({port.name: port for port in self._input_ports})

    @cached_property
    def constants(self) -> Mapping[str, Json]:
        """What fields that are left out count as."""
        fields = (
            f for f in self.config if f.expression != "body" and (f.default is not None or not f.required)
        )
        return MappingProxyType({field.name: field.default for field in fields})

    @cached_property
    def computed_defaults(self) -> Mapping[str, Json]:
        """Fields that are computed although they are left out: their defaults hold expressions."""
        texts = (f for f in self.config if f.expression != "never" and isinstance(f.default, str))
        return MappingProxyType({f.name: f.default for f in texts if "{{" in str(f.default)})

    @cached_property
    def declared_inputs(self) -> Mapping[str, Port]:
        """Without the configuration fields."""
        return MappingProxyType({port.name: port for port in self.inputs})

    @cached_property
    def outputs_by_name(self) -> Mapping[str, Port]:
        return MappingProxyType({port.name: port for port in self.outputs})

    @cached_property
    def stream_outputs(self) -> frozenset[str]:
        return frozenset(port.name for port in self.outputs if port.type.startswith("stream"))

    @cached_property
    def takes_streams(self) -> bool:
        return any(port.type.startswith("stream") for port in self.inputs)

    @cached_property
    def _input_ports(self) -> tuple[Port, ...]:
        taken = {port.name for port in self.inputs}
        wired = (
            Port(name=f.name, type=f.type, label=f.label, description=f.help)
            for f in self.config
            if f.wireable and f.name not in taken
        )
        return (*self.inputs, *wired)
