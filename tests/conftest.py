"""Fixtures every test may use."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from tests.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    """Owner, editor, viewer, stranger and admin with API clients."""
    return make_world()


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    cache.clear()
