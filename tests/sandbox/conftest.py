"""Processes of the sandbox end with each test: a runner belongs to the test's own event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sage_studio.sandbox.runner import close_code_runner


@pytest.fixture(autouse=True)
async def _sandbox_ends() -> AsyncIterator[None]:
    yield
    close_code_runner()
