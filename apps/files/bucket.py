"""Objects in an S3-compatible bucket: ``s3://key:secret@bucket/prefix?endpoint=https://host&region=name``.

Without a key in the address the environment's is used (``AWS_ACCESS_KEY_ID`` and so on). The address is the
administrator's own, so it is reached without the guard that holds nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from sage_studio.plugins.support.libraries import library

if TYPE_CHECKING:
    from obstore.store import S3Store

# One request sends this much; what is larger goes in several, and appears when the last has arrived.
PART_BYTES = 8 << 20
_READ_BYTES = 1 << 20
_REMOVED_AT_ONCE = 500


class Bucket:
    """Keys are relative to the prefix of the address."""

    def __init__(self, url: str) -> None:
        self._obstore = library("obstore", "storage")
        self._store: S3Store = _opened(url)

    def put(self, key: str, content: IO[bytes]) -> None:
        """In several parts where it is large, and closes it. It appears when all of them are there."""
        with content:
            self._obstore.put(self._store, key, content, chunk_size=PART_BYTES, max_concurrency=4)

    def exists(self, key: str) -> bool:
        try:
            self._obstore.head(self._store, key)
        except FileNotFoundError:
            return False
        return True

    def stream(self, key: str, chunk_bytes: int = _READ_BYTES) -> Iterator[bytes]:
        """Raises FileNotFoundError, at once."""
        pieces = self._obstore.get(self._store, key).stream(min_chunk_size=chunk_bytes)
        return (bytes(piece) for piece in pieces)

    def list(self, prefix: str) -> Iterator[tuple[str, float]]:
        """Keys and when they were last written, in seconds since the epoch."""
        for page in self._obstore.list(self._store, prefix or None):
            for entry in page:
                yield entry["path"], entry["last_modified"].timestamp()

    def remove(self, keys: Sequence[str]) -> None:
        """What is not there counts as removed."""
        for start in range(0, len(keys), _REMOVED_AT_ONCE):
            try:
                self._obstore.delete(self._store, list(keys[start : start + _REMOVED_AT_ONCE]))
            except FileNotFoundError:
                continue


def _opened(url: str) -> S3Store:
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    config = {"aws_region": options.get("region", "us-east-1")}
    if endpoint := options.get("endpoint"):
        config["aws_endpoint"] = endpoint
    if parts.username:
        config["aws_access_key_id"] = unquote(parts.username)
        config["aws_secret_access_key"] = unquote(parts.password or "")
    made: S3Store = library("obstore.store", "storage").S3Store(
        parts.hostname or "",
        prefix=parts.path.strip("/") or None,
        config=config,
        client_options={"allow_http": options.get("endpoint", "").startswith("http://")},
    )
    return made
