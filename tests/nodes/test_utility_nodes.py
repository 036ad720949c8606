"""Variables, logs, handled errors, dates, hashes, rates."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from sage_studio.plugins.builtin.utility.rate_limit import RateLimit
from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_flow_here, run_node


@pytest.mark.parametrize("scope", ["run", "flow", "workspace"])
async def test_a_variable_is_read_where_it_was_set(host: LocalHost, scope: str) -> None:
    body = {
        "schema": "sage-studio/flow@1",
        "nodes": [
            {
                "id": "set",
                "type": "variable_set",
                "config": {"name": "seen", "scope": scope, "set_to": {"n": 1}},
            },
            {"id": "get", "type": "variable_get", "config": {"name": "seen", "scope": scope}},
            {
                "id": "other",
                "type": "variable_get",
                "config": {"name": "seen2", "scope": scope, "default": 9},
            },
        ],
        "edges": [{"source": "set", "source_port": "value", "target": "get", "target_port": "after"}],
    }
    result = await run_flow_here(body, host)
    assert result.outputs["get"] == {"value": {"n": 1}, "found": True}
    assert result.outputs["other"] == {"value": 9, "found": False}


async def test_a_variable_has_a_limit(host: LocalHost) -> None:
    problem = await failure_of("variable_set", host, config={"name": "x"}, inputs={"value": "x" * 300_000})
    assert problem["code"] == "variable.too_big"


async def test_errors_are_handled_by_their_code(host: LocalHost) -> None:
    error = {"code": "http.refused", "message": "Refused", "retryable": True}
    config: dict[str, Any] = {"codes": ["http.*"], "value": {"ok": False}, "only_passing": True}
    assert await run_node("error_handler", host, config=config, inputs={"error": error}) == {
        "handled": {"ok": False}
    }
    lasting = {**error, "retryable": False}
    problem = await failure_of("error_handler", host, config=config, inputs={"error": lasting})
    assert (problem["code"], problem["message"]) == ("error_handler.failed", "Refused")
    made = await run_node(
        "error_handler", host, config={**config, "others": "route"}, inputs={"error": lasting}
    )
    assert made == {"unhandled": lasting}


async def date(host: LocalHost, value: Any, **config: Any) -> Any:
    return await run_node("date_time", host, config={"value": value, **config})


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        ("2026-12-24T18:00:00Z", "Europe/Berlin", "2026-12-24T19:00:00+01:00"),
        ("24.12.2026 18:00", "Europe/Berlin", "2026-12-24T18:00:00+01:00"),
        ("2026年12月24日", "Asia/Shanghai", "2026-12-24T00:00:00+08:00"),
        ("Thu, 24 Dec 2026 18:00:00 +0000", "UTC", "2026-12-24T18:00:00+00:00"),
        (1_798_135_200, "UTC", "2026-12-24T18:00:00+00:00"),
        ("1798135200000", "UTC", "2026-12-24T18:00:00+00:00"),
    ],
)
async def test_dates_are_read_in_every_usual_form(
    host: LocalHost, value: Any, zone: str, expected: str
) -> None:
    assert (await date(host, value, zone=zone))["value"] == expected


async def test_days_are_those_of_the_calendar_and_hours_those_that_pass(host: LocalHost) -> None:
    before = {"value": "2026-03-28T12:00:00", "zone": "Europe/Berlin"}
    days = await run_node("date_time", host, config={**before, "amount": 1, "unit": "days"})
    hours = await run_node("date_time", host, config={**before, "amount": 24, "unit": "hours"})
    assert (days["value"][11:16], hours["value"][11:16]) == ("12:00", "13:00")
    month = await date(host, "2024-02-29", amount=-1, unit="years")
    assert month["value"].startswith("2023-02-28")
    assert month["parts"]["weekday"] == 2


async def test_dates_are_written_and_compared(host: LocalHost) -> None:
    made = await date(host, "2026-01-05T09:07:03.250", format="EEE d MMM yyyy 'at' HH:mm:ss.SSS ZZ")
    assert made["text"] == "Mon 5 Jan 2026 at 09:07:03.250 +00:00"
    assert (await date(host, "2026-03-31", since="2026-02-28", unit="months"))["difference"] == 1
    assert (await date(host, "2026-02-28", since="2026-03-31", unit="months"))["difference"] == -1
    assert (await date(host, "2026-01-02", since="2026-01-01T12:00", unit="hours"))["difference"] == 12
    assert (await date(host, "2026-01-01", format="unix"))["text"] == "1767225600"


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"value": "soon"}, "date_time.not_a_date"),
        ({"value": 1e300}, "date_time.not_a_date"),
        ({"value": "2026-01-01", "zone": "../etc/passwd"}, "date_time.no_zone"),
        ({"value": "2026-01-01", "amount": 99_999, "unit": "years"}, "date_time.out_of_range"),
        ({"value": "2026-01-01", "amount": 999_999_999, "unit": "weeks"}, "date_time.out_of_range"),
    ],
)
async def test_what_is_no_date_is_named(host: LocalHost, config: dict[str, Any], code: str) -> None:
    assert (await failure_of("date_time", host, config=config))["code"] == code


async def test_hashes_of_texts_and_files(host: LocalHost) -> None:
    made = await run_node("crypto_hash", host, config={"form": "base64url"}, inputs={"value": "数据"})
    assert made["hash"] == base64.urlsafe_b64encode(hashlib.sha256("数据".encode()).digest()).decode().rstrip(
        "="
    )
    file = await host.files.write("a.txt", "text/plain", b"abc" * 500_000)
    made = await run_node("crypto_hash", host, inputs={"value": dict(file)})
    assert made["hash"] == hashlib.sha256(b"abc" * 500_000).hexdigest()


def test_the_second_through_a_rate_limit_waits_for_its_turn_and_other_places_do_not() -> None:
    limit = RateLimit()
    assert limit._turn(("run", "node"), 1_000) == 0
    assert 900 < limit._turn(("run", "node"), 1_000) <= 1_000
    assert 1_900 < limit._turn(("run", "node"), 1_000) <= 2_000
    assert limit._turn(("run", "other"), 1_000) == 0


async def test_what_passes_a_rate_limit_comes_out_as_it_went_in(host: LocalHost) -> None:
    config = {"count": 1000, "seconds": 0.01}
    made = await run_node("rate_limit", host, config=config, inputs={"items": [1, 2], "value": "x"})
    assert made == {"items": [1, 2], "value": "x"}
