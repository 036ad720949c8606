"""The flow document as typed data: the one JSON (and YAML) form of a flow.

Unknown keys are kept on every level, so that a document written by a newer version or imported
from elsewhere survives a round trip. Reading text, checking meaning and hashing live beside this
module; here is only the shape.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from sage_studio.kernel.json import Json

SCHEMA: Literal["sage-studio/flow@1"] = "sage-studio/flow@1"
MAX_NODES = 10_000
MAX_EDGES = 100_000
MAX_NOTES = 10_000
MAX_NAME_LENGTH = 200

# Values inside a flow are checked once, while reading (``flow.reading``), not again by pydantic: on
# a flow of 10,000 nodes that is a third of the time.
Value = Annotated[Json, SkipValidation]

# Strict everywhere (a text is no number), but JSON has no tuples: a list of two is one.
Pair = Annotated[tuple[float, float], Field(strict=False)]

CURRENCY_PATTERN = r"^[A-Z]{3}$"
NodeId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


# Where nodes may run; what each one means is said in ``engine.executors.placing``.
Executor = Literal["local", "process", "celery", "ray", "kubernetes"]
EXECUTORS: tuple[Executor, ...] = get_args(Executor)


ErrorPattern = Annotated[str, Field(min_length=1, max_length=100)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", populate_by_name=True, strict=True, allow_inf_nan=False)


class Retry(_Open):
    """How often a failed node is tried again. ``count`` is the number of further attempts; ``errors`` are
    the codes it is tried again for (``http.*`` takes all that begin so), instead of those that say
    themselves that trying again may help."""

    count: int = Field(default=0, ge=0, le=20)
    delay_s: float = Field(default=1.0, ge=0, le=3600)
    backoff: float = Field(default=2.0, ge=1, le=10)
    jitter: float = Field(default=0.1, ge=0, le=1)
    errors: list[ErrorPattern] | None = Field(default=None, max_length=50)


class FlowNode(_Open):
    """One node. ``config`` holds plain values and ``{{ }}`` texts; ``pos`` is the top left
    corner in canvas pixels; ``on_error`` says what a final failure does: fail the run, continue
    with no output, or send the error out of the ``error`` port."""

    id: NodeId
    type: str = Field(min_length=1, max_length=100)
    version: str | None = Field(default=None, max_length=32)
    name: str = Field(default="", max_length=MAX_NAME_LENGTH)
    config: dict[str, Value] = Field(default_factory=dict)
    pos: Pair = (0, 0)
    size: Pair | None = None
    parent: str | None = None
    disabled: bool = False
    retry: Retry | None = None
    timeout_s: float | None = Field(default=None, gt=0, le=86_400 * 30)
    on_error: Literal["fail", "continue", "route"] = "fail"
    cache: bool = False
    concurrency: int | None = Field(default=None, ge=1, le=1000)
    executor: Executor | None = None
    pinned: Value = None
    notes: str | None = Field(default=None, max_length=20_000)

    @property
    def called(self) -> str:
        """What people call the node: its name, else its id."""
        return self.name or self.id


class FlowEdge(_Open):
    """One connection; its id follows from its four ends (see ``edge_id``)."""

    id: str = ""
    source: str
    source_port: str
    target: str
    target_port: str


class FlowNote(_Open):
    """A sticky note on the canvas."""

    id: str
    text: str = Field(default="", max_length=20_000)
    pos: Pair = (0, 0)
    size: Pair = (200, 120)
    color: str = "yellow"


class FlowInput(_Open):
    """A value the caller of a run may give; ``type`` is a port type."""

    name: str = Field(min_length=1, max_length=64)
    type: str = "any"
    required: bool = False
    default: Value = None
    label: str = ""


class Budget(_Open):
    """What one run of the flow, and all it starts, may spend: ``amount`` in the smallest unit of the
    ``currency`` (cents)."""

    amount: int = Field(ge=0, le=1_000_000_000)
    currency: str = Field(default="USD", pattern=CURRENCY_PATTERN)


class FlowSettings(_Open):
    """How the whole flow runs. ``concurrency`` bounds nodes of one run at once; ``unread_nodes`` says what
    becomes of nodes without effects whose outputs nothing reads."""

    mode: Literal["batch", "streaming", "event"] = "batch"
    timeout_s: float | None = Field(default=None, gt=0, le=86_400 * 365)
    on_error: Literal["fail", "continue"] = "fail"
    concurrency: int | None = Field(default=None, ge=1, le=1000)
    executor: Executor = "local"
    timezone: str = "UTC"
    optimise: Literal["on", "off"] = "on"
    unread_nodes: Literal["run", "skip"] = "run"
    budget: Budget | None = None

    @property
    def budget_json(self) -> dict[str, Json] | None:
        """The budget as runs keep it."""
        return (
            None if self.budget is None else {"amount": self.budget.amount, "currency": self.budget.currency}
        )


class FlowDocument(_Open):
    """A whole flow."""

    schema_: Literal["sage-studio/flow@1"] = Field(default=SCHEMA, alias="schema")
    name: str = Field(default="", max_length=MAX_NAME_LENGTH)
    description: str = Field(default="", max_length=20_000)
    settings: FlowSettings = Field(default_factory=FlowSettings)
    inputs: list[FlowInput] = Field(default_factory=list)
    outputs: list[dict[str, Value]] = Field(default_factory=list)
    variables: dict[str, Value] = Field(default_factory=dict)
    nodes: list[FlowNode] = Field(default_factory=list, max_length=MAX_NODES)
    edges: list[FlowEdge] = Field(default_factory=list, max_length=MAX_EDGES)
    notes: list[FlowNote] = Field(default_factory=list, max_length=MAX_NOTES)


def edge_id(source: str, source_port: str, target: str, target_port: str) -> str:
    """The id every replica gives the same connection: the same edge drawn twice is one edge."""
    return f"{source}:{source_port}>{target}:{target_port}"
