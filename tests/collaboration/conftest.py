"""A server shared by the tests of a module; each test takes a flow of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.collaboration.server import Place, Server, prepared_place, running


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with prepared_place(tmp_path_factory.mktemp("rooms")) as found:
        yield found


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[Server]:
    with running(place) as (found,):
        yield found
