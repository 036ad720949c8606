"""A second way to write a node: a class with ``metadata`` and ``execute(inputs)``.

    class Shout(NodePlugin):
        metadata = NodeMetadata(id="shout", name="Shout", category="Text",
                                inputs={"text": "string"}, outputs={"text": "string"})

        async def execute(self, inputs):
            return {"text": inputs["text"].upper()}

It is the same thing as a ``Node`` with a ``spec``: ``as_node`` makes the one out of the other.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, cast

from sage_studio.flow.spec import NodeSpec
from sage_studio.flow.types import is_value_of
from sage_studio.kernel import Text, define_error
from sage_studio.sdk.context import Context
from sage_studio.sdk.definition import spec_from_definition
from sage_studio.sdk.errors import NodeError
from sage_studio.sdk.node import Node, NodeOutput
from sage_studio.sdk.schema import schema_of
from sage_studio.sdk.settings import Settings

Ports: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]

REFUSED = define_error(
    "node.inputs_refused",
    3004,
    en="The node does not accept these inputs{what}.",
    zh="节点不接受这些输入{what_zh}。",
    hint_en="Compare them with the types in the node's description.",
    hint_zh="请对照节点说明中的输入类型。",
    status=422,
)


@dataclass(frozen=True)
class NodeMetadata:
    """What a node is called, takes and gives.

    ``inputs`` and ``outputs`` map names to types (``{"query": "string", "top_k": "int"}``) or to details, or
    are lists of objects with a name; ``config`` maps settings to details. The keys are those of the JSON
    definition (``sdk.definition``), and ``more`` holds its further ones (``effect``, ``example`` …).
    """

    id: str
    name: str | Text = ""
    category: str = "utility"
    description: str | Text = ""
    version: str = "1.0.0"
    author: str = ""
    icon: str = "plug"
    color: str = ""
    inputs: Ports = ()
    outputs: Ports = ()
    config: Ports = ()
    more: Mapping[str, Any] | None = None

    def spec(self) -> NodeSpec:
        """Raises SageError ``node.bad_definition``."""
        own = {key: value for key, value in vars(self).items() if key != "more" and value}
        return spec_from_definition({**own, **(self.more or {})})


class NodePlugin(ABC):
    """Base class of nodes written this way; one instance serves one attempt.

    While it runs, ``config`` holds the settings that are no inputs, and ``context`` is what every node may
    reach (HTTP, files, credentials, the log).
    """

    metadata: ClassVar[NodeMetadata]
    """Also a property, for what is only known when the instance is made."""
    config: Mapping[str, Any] = {}
    context: Context

    @abstractmethod
    async def execute(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Do the work: values of inputs by name in, values of outputs by name out. Inputs nobody filled are
        left out. Raise ``NodeError`` for failures a person should read."""

    def validate_inputs(self, inputs: dict[str, Any]) -> bool:
        """Whether the inputs are good; here, whether they have the types that ``metadata`` names."""
        return not _misfits(self.metadata.spec(), inputs)

    def get_schema(self) -> dict[str, Any]:
        """JSON Schema of the inputs, settings and outputs."""
        return schema_of(self.metadata.spec())


def as_node(plugin: type[NodePlugin], spec: NodeSpec | None = None) -> type[Node]:
    """A node class that runs ``plugin``; ``spec`` is its metadata's, unless a definition in JSON says more.

    Raises SageError ``node.bad_definition``.
    """
    found = spec or _metadata(plugin).spec()
    place = "" if spec is not None or "<locals>" in plugin.__qualname__ else plugin.__qualname__

    class FromPlugin(Node):
        __doc__ = plugin.__doc__
        spec: ClassVar[NodeSpec] = found
        origin: ClassVar[str] = f"{plugin.__module__}:{place}" if place else ""

        async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
            return await _run(plugin(), found, ctx, inputs)

    FromPlugin.__name__ = plugin.__name__
    return FromPlugin


def _metadata(plugin: type[NodePlugin]) -> NodeMetadata:
    """Of the class, or of an instance where it is a property."""
    held: Any = inspect.getattr_static(plugin, "metadata", None)
    return held if isinstance(held, NodeMetadata) else plugin().metadata


async def _run(plugin: NodePlugin, spec: NodeSpec, ctx: Context, wired: Mapping[str, Any]) -> NodeOutput:
    settings = Settings(spec, ctx, wired)
    values = {name: value for name, value in wired.items() if name in spec.declared_inputs}
    config: dict[str, Any] = {}
    for field in spec.config:
        value = _value(settings, field.name, field.type)
        if not field.wireable:
            config[field.name] = value
        elif value is not None:
            values[field.name] = value
    plugin.config, plugin.context = config, ctx
    misfits = _misfits(spec, values)
    if misfits or not plugin.validate_inputs(values):
        raise _refused(misfits)
    try:
        given: Any = plugin.execute(values)
        return cast(NodeOutput, await given if inspect.isawaitable(given) else given)
    except KeyError as error:
        # ``inputs["query"]`` of one nobody filled is about the flow, not about the program.
        name = error.args[0] if error.args else None
        if name in spec.inputs_by_name and name not in values:
            raise _refused([_missing(str(name))]) from error
        raise


def _refused(misfits: Sequence[Text]) -> NodeError:
    words = {key: "; ".join(misfit[key] for misfit in misfits) for key in ("en", "zh")}
    what = {"what": f" ({words['en']})", "what_zh": f"（{words['zh']}）"} if misfits else {}
    return NodeError(REFUSED, {"what": "", "what_zh": "", **what})


def _value(settings: Settings, name: str, kind: str) -> Any:
    """A setting, read by its type; None for one nobody filled."""
    held = settings.raw(name)
    if held is None:
        return None
    readers = {"string": settings.text, "integer": settings.integer, "number": settings.number}
    if kind in readers:
        return None if held == "" and kind != "string" else readers[kind](name)
    return settings.flag(name) if kind == "boolean" else held


def _misfits(spec: NodeSpec, values: Mapping[str, Any]) -> list[Text]:
    """What is wrong with the values of inputs, in a few words each."""
    ports = spec.inputs_by_name
    required = [port.name for port in spec.inputs if port.required]
    required += [field.name for field in spec.config if field.wireable and field.required]
    wrong = [
        Text(en=f"{name} is no {ports[name].type}", zh=f"{name} 不是 {ports[name].type}")
        for name, value in values.items()
        if name in ports and not ports[name].multiple and not is_value_of(value, ports[name].type)
    ]
    return [*(_missing(name) for name in required if name not in values), *wrong]


def _missing(name: str) -> Text:
    return Text(en=f"{name} is missing", zh=f"缺少 {name}")
