"""Words of credentials: kinds, and what a host name may look like."""

from __future__ import annotations

import re
from enum import StrEnum

MAX_HOSTS = 20
SECRET_LENGTH = 10_000
_HOST = re.compile(
    r"^(?=.{1,253}(?::|$))[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*(?::\d{1,5})?$"
)
_HEADER = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")
_FORBIDDEN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "cookie", "te"})


class Kind(StrEnum):
    """What a credential holds."""

    API_KEY = "api_key"


FIELDS: dict[Kind, tuple[str, ...]] = {Kind.API_KEY: ("api_key",)}


def clean_host(value: str) -> str | None:
    """A host name in lower case (``api.example.org`` or with ``:port``); None when it is not one.

    An address such as ``https://api.example.org/v1`` gives its host. Names beyond ASCII are given
    in their xn-- form; wildcards are refused: a credential goes to exactly the hosts it names.
    """
    host = value.strip().lower()
    host = re.sub(r"^https?://", "", host).split("/", 1)[0].removesuffix(".")
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return None
    return host if _HOST.match(host) else None


def is_header_name(value: str) -> bool:
    return bool(_HEADER.match(value)) and value.lower() not in _FORBIDDEN_HEADERS
