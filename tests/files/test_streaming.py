"""Downloads never hold more than a piece, whichever kind of server asks."""

from __future__ import annotations

from collections.abc import Iterator

from django.test import AsyncRequestFactory, RequestFactory

from apps.files.adapters import streamed


class Pieces:
    """Counts how far it has been read, and whether it was closed."""

    def __init__(self) -> None:
        self.read = 0
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            for _ in range(1000):
                self.read += 1
                yield b"x"
        finally:
            self.is_closed = True


async def test_under_asgi_pieces_are_read_as_they_are_sent_and_closed_when_the_reader_leaves() -> None:
    pieces = Pieces()
    response = streamed(AsyncRequestFactory().get("/"), iter(pieces), content_type="x/y")
    assert response.is_async
    sent = aiter(response)
    assert [await anext(sent), await anext(sent)] == [b"x", b"x"]
    assert pieces.read == 2
    response.close()
    assert pieces.is_closed


def test_under_wsgi_they_are_plain() -> None:
    pieces = Pieces()
    response = streamed(RequestFactory().get("/"), iter(pieces), content_type="x/y")
    assert next(iter(response)) == b"x"
    assert pieces.read == 1
    response.close()
