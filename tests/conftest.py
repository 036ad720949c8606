"""Fixtures every test may use."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

import studio_project.celery  # noqa: F401 - tasks sent by tests go to the configured broker
from apps.audit import triggers
from tests.emptying import empty_database
from tests.world import World, make_world

pytest_plugins = ("tests.servers.fixtures",)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests first, then those with many: the last ones must be short, or one process
    waits for the other at the end."""
    count = Counter(item.path for item in items)
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: (-slow[item.path], -count[item.path], str(item.path)))


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings: None) -> bool:
    """On SQLite, begin with a copy of the empty database that was made for all, if one was; PostgreSQL
    has templates for this (see the settings)."""
    empty = os.environ.get("SAGE_TEST_EMPTY_DATABASE")
    if empty is None or connection.vendor == "postgresql":
        return False
    shutil.copyfile(empty, connection.settings_dict["TEST"]["NAME"])
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Take away the audit trail's triggers: they would refuse the emptying of tables between tests.
    At the end, send off connections that threads of the tests left behind."""
    with django_db_blocker.unblock():
        triggers.remove(connection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_database)
        yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture
def world(db: None) -> World:
    """Owner, editor, viewer, stranger and admin with API clients."""
    return make_world()


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    cache.clear()
