"""Which part of a container's body a child belongs to.

Nothing is stored: it follows from the connections. What hangs on the container's port ``catch`` is the
catch section; in a container with lanes, what is connected belongs together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sage_studio.flow.spec import Body

ONLY_SECTION = ""
Link = tuple[str, str]


def sections_of(
    body: Body, children: Sequence[str], links: Iterable[Link], entries: Iterable[Link]
) -> dict[str, list[str]]:
    """Section → its children, in the given order; of the declared sections only the first may be empty.

    ``links`` are (child read, child that reads it), ``entries`` are (port of the container, child).
    """
    if body.lanes:
        return _lanes(children, links)
    if not body.sections:
        return {ONLY_SECTION: list(children)}
    after: dict[str, list[str]] = {}
    for source, target in links:
        after.setdefault(source, []).append(target)
    section = dict.fromkeys(children, body.sections[0])
    entered = list(entries)
    for name in body.sections[1:]:
        for child in _reached([child for port, child in entered if port == name], after):
            section[child] = name
    found = {name: [child for child in children if section[child] == name] for name in body.sections}
    return {name: members for name, members in found.items() if members or name == body.sections[0]}


def _reached(start: list[str], after: dict[str, list[str]]) -> set[str]:
    seen = set(start)
    todo = list(start)
    while todo:
        for child in after.get(todo.pop(), ()):
            if child not in seen:
                seen.add(child)
                todo.append(child)
    return seen


def _lanes(children: Sequence[str], links: Iterable[Link]) -> dict[str, list[str]]:
    """Unconnected parts, each named after its first child."""
    lane = {child: child for child in children}

    def top(child: str) -> str:
        while lane[child] != child:
            lane[child] = lane[lane[child]]
            child = lane[child]
        return child

    for source, target in links:
        lane[top(target)] = top(source)
    found: dict[str, list[str]] = {}
    for child in children:
        found.setdefault(top(child), []).append(child)
    return {members[0]: members for members in found.values()}
