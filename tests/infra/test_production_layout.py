"""The production layout, native: PostgreSQL, Valkey, two web, two workers and a proxy in front."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.native import Layout, production_layout
from tests.infra.conftest import Person, wait_until

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    with production_layout(web=2, workers=2) as running:
        yield running


def test_everything_answers_through_the_proxy(layout: Layout) -> None:
    status, health = Person(layout.address).call("GET", "/healthz")

    assert status == 200
    assert health["status"] == "ok"


def test_readiness_covers_the_database_and_the_broker(layout: Layout) -> None:
    status, facts = Person(layout.address).call("GET", "/readyz")

    assert status == 200, facts


def test_the_first_owner_signs_up_with_the_printed_code_and_is_known_to_both_web_processes(
    layout: Layout,
) -> None:
    person = Person(layout.address)
    _, session = person.call("GET", "/api/v1/session")
    assert session["instance"]["needs_owner"] is True  # type: ignore[index]

    wrong, _ = person.call(
        "POST",
        "/_allauth/browser/v1/auth/signup",
        {
            "email": "ada@example.org",
            "password": "a long enough phrase",
            "name": "Ada",
            "owner_code": "WRONG",
        },
    )
    right, answer = person.call(
        "POST",
        "/_allauth/browser/v1/auth/signup",
        {
            "email": "ada@example.org",
            "password": "a long enough phrase",
            "name": "Ada",
            "owner_code": layout.owner_code,
        },
    )

    assert wrong in {400, 401, 403, 409}
    assert right == 200, answer
    for _ in range(6):  # the proxy spreads these over both
        _, session = person.call("GET", "/api/v1/session")
        assert session["authenticated"] is True


def test_a_killed_web_process_is_not_noticed_by_the_next_request(layout: Layout) -> None:
    before = layout.kill("web1")

    answers = [Person(layout.address).call("GET", "/healthz")[0] for _ in range(10)]

    assert answers == [200] * 10
    wait_until(lambda: (process := layout.children["web1"].process) is not None and process.pid != before)


def test_a_killed_worker_is_started_again(layout: Layout) -> None:
    before = layout.kill("worker1")

    wait_until(lambda: (process := layout.children["worker1"].process) is not None and process.pid != before)
