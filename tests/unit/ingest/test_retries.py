from __future__ import annotations

import datetime as dt

import pytest

from vistazo.ingest.retries import Fault, fault_of_status, pause_s, retry_after_s

NOW = dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("99999999999999999999", 999_999_999),
        ("Wed, 25 Nov 2026 12:01:00 GMT", 60),
        ("Wed, 25 Nov 2026 13:01:00 +0100", 60),
        ("Wed, 25 Nov 2026 12:01:00 -0000", 60),
        ("Wed, 25 Nov 2020 12:01:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("Wed, 99 Nov 2026 12:01:00 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503, 599])
def test_statuses_that_may_pass(status: int) -> None:
    fault = fault_of_status(status, "", "7")
    assert (fault.again, fault.wait_s, fault.code) == (True, 7, f"status-{status}")


@pytest.mark.parametrize("status", [204, 304, 400, 403, 404, 410, 600, 999])
def test_statuses_that_stay(status: int) -> None:
    fault = fault_of_status(status, "Gone", "7")
    assert (fault.again, fault.wait_s) == (False, None)
    assert fault.reason == f"the server answered {status} Gone"


def test_pauses_grow_and_differ() -> None:
    fault = Fault("", code="cut", again=True)
    for tries, middle in ((1, 0.5), (2, 1), (3, 2)):
        pauses = {pause_s(fault, tries, 0.5) for _ in range(200)}
        assert len(pauses) > 100
        assert 0.5 * middle <= min(pauses) <= max(pauses) <= 1.5 * middle


def test_the_server_s_wish_is_the_least() -> None:
    fault = Fault("", code="status-429", again=True, wait_s=9)
    assert 9 <= pause_s(fault, 5, 0.5) <= 9.5
