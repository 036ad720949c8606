"""What happens in a history: who is there, what they do, and which updates arrive when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from hypothesis import strategies as st

Kind: TypeAlias = Literal["browser", "server"]

EDITS = (
    "add", "add", "add", "add_inside", "insert", "move", "move_all", "set", "set", "unset", "rename",
    "disable", "connect", "connect", "connect", "connect", "reconnect", "cut", "remove", "remove", "restore",
    "put_in", "put_in", "take_out", "type", "type", "type", "wipe", "retype", "note", "note_set", "note_cut",
    "flow", "settings", "paste", "undo", "undo", "redo", "purge",
)  # fmt: skip
"""``purge`` is done by servers only; browsers alone paste and undo."""
TRAFFIC = ("deliver", "deliver", "deliver", "repeat", "leave", "return")
"""``deliver``: some waiting updates arrive, in any order. ``repeat``: something arrives again.
``leave`` and ``return``: nothing arrives in between; then all of it, as one answer to what is missing."""


@dataclass(frozen=True, slots=True)
class Step:
    """One act of one of the people. ``a`` and ``b`` pick things among those there are, by number;
    ``value`` is what is written, or how what arrives is shuffled; ``wait_ms`` passes before it."""

    who: int
    verb: str
    a: int
    b: int
    value: int
    wait_ms: int


@dataclass(frozen=True, slots=True)
class History:
    """``gossip``: servers pass on what was new to them, merged, as rooms do, so that the same changes
    arrive in different packing. ``seed`` orders the names of new nodes."""

    people: tuple[Kind, ...]
    gossip: bool
    seed: int
    steps: tuple[Step, ...]

    def __repr__(self) -> str:
        """As JSON text, so that a finding can be kept and played again."""
        import json

        return f"History.read({json.dumps(asdict(self))!r})"

    @classmethod
    def read(cls, text: str) -> History:
        import json

        told = json.loads(text)
        steps = tuple(Step(**step) for step in told["steps"])
        return cls(tuple(told["people"]), told["gossip"], told["seed"], steps)


def _step(people: int) -> st.SearchStrategy[Step]:
    small = st.integers(0, 9)
    return st.builds(
        Step,
        who=st.integers(0, people - 1),
        verb=st.sampled_from(EDITS) | st.sampled_from(TRAFFIC),
        a=small,
        b=small,
        value=st.integers(0, 99),
        wait_ms=st.sampled_from([0, 1, 300, 600]),
    )


def histories(*, longest: int = 80) -> st.SearchStrategy[History]:
    """Both libraries are in each of them."""

    def with_people(people: Sequence[Kind]) -> st.SearchStrategy[History]:
        return st.builds(
            History,
            people=st.just(tuple(people)),
            gossip=st.booleans(),
            seed=st.integers(1, 2**31),
            # A list of no given length has five things in it on average.
            steps=st.integers(1, longest).flatmap(
                lambda count: st.lists(_step(len(people)), min_size=count, max_size=count).map(tuple)
            ),
        )

    crowds: list[Sequence[Kind]] = [
        ("browser", "server"),
        ("browser", "browser", "server"),
        ("browser", "server", "server"),
        ("browser", "browser", "server", "server"),
        ("browser", "browser", "browser", "server"),
    ]
    return st.sampled_from(crowds).flatmap(with_people)
