"""The operations of a flow patch (CONTRACTS, "Flow patch") as typed data.

``was`` is what the author saw; where it is given and no longer true, the operation is a conflict.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from sage_studio.flow.document import FlowEdge, FlowNode, Pair
from sage_studio.flow.values import plain
from sage_studio.kernel import Json

PATCH_SCHEMA: Literal["sage-studio/patch@1"] = "sage-studio/patch@1"
MAX_OPERATIONS = 50_000

_Value = Annotated[Json, SkipValidation]
_Text = Annotated[Any, SkipValidation]
Step = Annotated[str, Field(min_length=1, max_length=200)]
Path = Annotated[list[Step], Field(min_length=1, max_length=16)]


class _Operation(BaseModel):
    """``reason`` is a sentence or {"en", "zh"}; ``confidence`` 0 to 1; ``source`` who thought of it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: _Text = None
    confidence: float | None = Field(default=None, ge=0, le=1)
    source: Literal["rule", "statistics", "model", "person"] | None = None


class AddNode(_Operation):
    op: Literal["add_node"] = "add_node"
    node: FlowNode


class RemoveNode(_Operation):
    """Removes the node, its edges, and takes its children out of it."""

    op: Literal["remove_node"] = "remove_node"
    id: str


class Set(_Operation):
    """Sets a field of a node: ``["name"]``, ``["config", "top_k"]``, or deeper inside an object."""

    op: Literal["set"] = "set"
    node: str
    path: Path
    value: _Value
    was: _Value = None


class Unset(_Operation):
    """Takes a field away, so that its default counts."""

    op: Literal["unset"] = "unset"
    node: str
    path: Path
    was: _Value = None


class Retain(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    retain: int = Field(ge=1)


class Insert(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    insert: str = Field(min_length=1)


class Delete(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    delete: int = Field(ge=1)


Delta: TypeAlias = list[Retain | Insert | Delete]


class EditText(_Operation):
    """Changes a shared text character by character. ``path`` is ``["texts", field]``; counts are
    characters (Unicode code points); ``was`` is the text the delta was made for."""

    op: Literal["edit_text"] = "edit_text"
    node: str
    path: Path
    delta: Delta = Field(max_length=100_000)
    was: str | None = None


class Move(_Operation):
    """Places a node; without ``parent`` it stays in its container, with null it leaves it."""

    op: Literal["move"] = "move"
    node: str
    pos: Pair
    parent: str | None = None


class AddEdge(_Operation):
    op: Literal["add_edge"] = "add_edge"
    edge: FlowEdge


class RemoveEdge(_Operation):
    op: Literal["remove_edge"] = "remove_edge"
    id: str


class SetFlow(_Operation):
    """Sets a field of the flow: ``["name"]``, ``["settings", "timeout_s"]``, ``["variables", "k"]``,
    ``["inputs"]``, ``["notes", note id]``."""

    op: Literal["set_flow"] = "set_flow"
    path: Path
    value: _Value
    was: _Value = None


class UnsetFlow(_Operation):
    op: Literal["unset_flow"] = "unset_flow"
    path: Path
    was: _Value = None


Operation: TypeAlias = (
    AddNode | RemoveNode | Set | Unset | EditText | Move | AddEdge | RemoveEdge | SetFlow | UnsetFlow
)


class Patch(BaseModel):
    """A change of a flow. ``base`` is the ``semantic_hash`` of the flow it was made for, or null."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    schema_: Literal["sage-studio/patch@1"] = Field(default=PATCH_SCHEMA, alias="schema")
    base: str | None = None
    summary: str = Field(default="", max_length=2_000)
    operations: list[Annotated[Operation, Field(discriminator="op")]] = Field(
        default_factory=list, max_length=MAX_OPERATIONS
    )

    def dump(self) -> dict[str, Json]:
        """The patch as JSON, without what was never said."""
        return {
            "schema": self.schema_,
            "base": self.base,
            "summary": self.summary,
            "operations": [dump_operation(operation) for operation in self.operations],
        }


def dump_operation(operation: Operation) -> dict[str, Json]:
    """One operation as JSON; ``was`` and ``parent`` only where they were given."""
    said = plain(operation.model_dump(mode="json", by_alias=True, exclude_unset=True))
    assert isinstance(said, dict)
    return {"op": operation.op, **said}


def says(operation: BaseModel, name: str) -> bool:
    """Whether ``name`` was given, be it as null."""
    return name in operation.model_fields_set
