"""Builds updates no library would send. Lives in tests only."""

from __future__ import annotations

from apps.collaboration.wire.varints import write_bytes, write_string, write_uint

CLIENT = 77
ITEM_ANY, ITEM_TYPE, ITEM_STRING, ITEM_DOC, ITEM_BINARY = 8, 7, 4, 9, 3
KEYED = 0x20


def update(structs: list[bytes], *, client: int = CLIENT, clock: int = 0, deletes: bytes = b"\x00") -> bytes:
    """One block of structs and a delete set."""
    return (
        b"\x01"
        + write_uint(len(structs))
        + write_uint(client)
        + write_uint(clock)
        + b"".join(structs)
        + deletes
    )


def in_root(content: int, body: bytes, *, root: str = "notes", key: str = "k") -> bytes:
    """An item under a key of a root map."""
    return bytes([content | KEYED]) + b"\x01" + write_string(root) + write_string(key) + body


def inside(content: int, body: bytes, *, client: int, clock: int, key: str = "k") -> bytes:
    """An item under a key of the shared map with that id."""
    parent = b"\x00" + write_uint(client) + write_uint(clock)
    return bytes([content | KEYED]) + parent + write_string(key) + body


def any_value(value: bytes) -> bytes:
    """Content of one plain value."""
    return write_uint(1) + value


def nested_arrays(depth: int) -> bytes:
    """A plain value of arrays inside arrays."""
    return b"\x75\x01" * depth + b"\x7e"


def nested_objects(depth: int) -> bytes:
    return (b"\x76\x01" + write_string("a")) * depth + b"\x7e"


def deep_value(depth: int) -> bytes:
    return update([in_root(ITEM_ANY, any_value(nested_arrays(depth)))])


def deep_maps(depth: int, *, client: int = CLIENT) -> bytes:
    """Shared maps inside shared maps, all in one update."""
    structs = [in_root(ITEM_TYPE, b"\x01")]
    structs += [inside(ITEM_TYPE, b"\x01", client=client, clock=clock) for clock in range(depth - 1)]
    return update(structs, client=client)


def text_value(
    text: str, *, client: int = CLIENT, clock: int = 0, key: str = "k", root: str = "notes"
) -> bytes:
    """A well-formed change: one plain text under a key."""
    value = b"\x77" + write_string(text)
    return update([in_root(ITEM_ANY, any_value(value), key=key, root=root)], client=client, clock=clock)


def false_counts() -> dict[str, bytes]:
    """Tiny updates that claim enormous contents."""
    many = write_uint(2**28)
    return {
        "blocks": many + b"\x00",
        "structs": b"\x01" + many + b"\x01\x00",
        "values": update([in_root(ITEM_ANY, many)]),
        "object keys": update([in_root(ITEM_ANY, any_value(b"\x76" + many))]),
        "deleted ranges": b"\x00\x01\x05" + many,
        "a text length": update([in_root(ITEM_STRING, many + b"abc")]),
        "a collected struct": update([b"\x00" + write_uint(2**32 - 1)]),
    }


def foreign_contents() -> dict[str, bytes]:
    """Well-formed contents that flows never have."""
    return {
        "a subdocument": update([in_root(ITEM_DOC, write_string("guid") + b"\x76\x00")]),
        "an XML element": update([in_root(ITEM_TYPE, b"\x03" + write_string("div"))]),
        "binary content": update([in_root(ITEM_BINARY, write_bytes(b"x"))]),
        "an unknown root": update([in_root(ITEM_ANY, any_value(b"\x7e"), root="other")]),
        "a list item in a root map": update(
            [bytes([ITEM_ANY]) + b"\x01" + write_string("notes") + any_value(b"\x7e")]
        ),
    }
