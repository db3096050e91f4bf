"""How often one credential may ask, and what names a request."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from mollymawk.rest import rates
from mollymawk.rest.rates import Buckets
from tests.api.caller import Caller


@pytest.fixture
def clock(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A time that stands still; three requests a minute."""
    settings.API_REQUESTS_PER_MINUTE = 3
    now = [0.0]
    monkeypatch.setattr(rates, "_buckets", Buckets(lambda: now[0]))
    return now


def test_answers_tell_what_is_left(clock: list[float], robot: Caller) -> None:
    told = robot.get("teams/").headers
    assert [told[f"RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")] == ["3", "2", "20"]


def test_too_many_requests_wait_and_then_go_on(clock: list[float], robot: Caller) -> None:
    assert [robot.get("teams/").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = robot.get("teams/")
    assert (refused.headers["Retry-After"], refused.headers["RateLimit-Remaining"]) == ("20", "0")
    assert refused.json()["type"] == "about:blank#throttled"
    clock[0] = 20.0
    assert [robot.get("teams/").status_code for _ in range(2)] == [200, 429]


def test_others_are_not_kept_waiting(clock: list[float], robot: Caller, viewer: Caller) -> None:
    for _ in range(4):
        robot.get("teams/")
    assert viewer.get("teams/").status_code == 200


def test_buckets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MAX_BUCKETS", 2)
    buckets = Buckets(lambda: 0.0)
    assert [buckets.take(name, 9) for name in "abcab"] == [8, 8, 8, 8, 8]
    assert buckets.take("b", 9) == 7


@pytest.mark.parametrize("path", ["/api/v1/schema/", "/api/v1/nothing/", "/healthz"])
def test_every_answer_names_its_request(path: str, client: Client, db: None) -> None:
    first, second = (client.get(path).headers["X-Request-ID"] for _ in range(2))
    assert first != second
    assert client.get(path, headers={"X-Request-ID": "ci-42"}).headers["X-Request-ID"] == "ci-42"
    assert client.get(path, headers={"X-Request-ID": "a b"}).headers["X-Request-ID"] != "a b"
