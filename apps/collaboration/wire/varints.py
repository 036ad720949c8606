"""Variable-length integers of lib0: 7 bits a byte, least significant first, high bit = more follow.

Only the canonical (shortest) form is read, and at most eight bytes of it, so that two readers can
never disagree about a frame and no number costs more than a constant.
"""

from __future__ import annotations

MAX_VARINT_BYTES = 8
MAX_SAFE_INTEGER = 2**53 - 1


class WireError(ValueError):
    """The bytes are not what the protocol allows; ``str(error)`` names the rule that was broken."""


def read_uint(data: bytes, pos: int) -> tuple[int, int]:
    """The integer at ``pos`` and the position after it. Raises WireError."""
    try:
        byte = data[pos]
        if byte < 0x80:
            return byte, pos + 1
        value = byte & 0x7F
        shift = 7
        for offset in range(1, MAX_VARINT_BYTES):
            byte = data[pos + offset]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0:
                    raise WireError("integer is not in its shortest form")
                if value > MAX_SAFE_INTEGER:
                    raise WireError("integer above 2^53-1")
                return value, pos + offset + 1
            shift += 7
    except IndexError:
        raise WireError("integer runs over the end") from None
    raise WireError("integer longer than eight bytes")


def read_bytes(data: bytes, pos: int) -> tuple[bytes, int]:
    """A length and that many bytes. Raises WireError when they are not there."""
    length, pos = read_uint(data, pos)
    end = pos + length
    if end > len(data):
        raise WireError("length runs over the end")
    return data[pos:end], end


def read_string(data: bytes, pos: int) -> tuple[str, int]:
    """A length and that many bytes of UTF-8. Raises WireError."""
    raw, pos = read_bytes(data, pos)
    try:
        return raw.decode(), pos
    except UnicodeDecodeError:
        raise WireError("text is not UTF-8") from None


def write_uint(value: int) -> bytes:
    """The shortest form of a non-negative integer."""
    out = bytearray()
    while value > 0x7F:
        out.append(0x80 | (value & 0x7F))
        value >>= 7
    out.append(value)
    return bytes(out)


def write_bytes(value: bytes) -> bytes:
    """``value`` with its length in front."""
    return write_uint(len(value)) + value


def write_string(value: str) -> bytes:
    """``value`` as UTF-8 with its length in bytes in front."""
    return write_bytes(value.encode())
