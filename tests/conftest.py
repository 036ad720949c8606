"""Fixtures every test may use."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connection
from pytest_django import DjangoDbBlocker

import studio_project.celery  # noqa: F401 - tasks sent by tests go to the configured broker
from apps.audit import triggers
from tests.world import World, make_world


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Take away the audit trail's triggers: they would refuse the emptying of tables between tests."""
    with django_db_blocker.unblock():
        triggers.remove(connection)


@pytest.fixture
def world(db: None) -> World:
    """Owner, editor, viewer, stranger and admin with API clients."""
    return make_world()


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    cache.clear()
