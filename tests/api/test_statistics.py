"""Reading what a unikernel used."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from tests.api.caller import Caller
from tests.api.house import House
from tests.pages.usage import loops
from tests.statistics.history import MEMORY, used
from unikernels.statistics.grids import HOUR, STEP
from unikernels.statistics.models import Feed


def text(at: int) -> str:
    """A time of s since 1970, as a program writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat()


@pytest.fixture
def now(house: House) -> int:
    """The time, after half an hour of use."""
    moment = int(time.time()) // STEP * STEP
    used([house.unikernel], moment - HOUR // 2, moment)
    return moment


def test_the_last_hour_is_told_in_steps_of_ten_seconds(house: House, viewer: Caller, now: int) -> None:
    body = viewer.get(f"unikernels/{house.unikernel.pk}/statistics/").json()
    assert body["step"] == STEP
    assert 178 <= len(body["points"]) <= 180
    point = body["points"][0]
    assert datetime.fromisoformat(point.pop("at")).timestamp() % STEP == 0
    assert point == {"cpu": 0.25, "memory": MEMORY, "received": 1000, "sent": 2000}
    assert (body["change"], body["trouble"]) == (None, "")


def test_what_is_asked_for_is_told(house: House, viewer: Caller, now: int) -> None:
    path = f"unikernels/{house.unikernel.pk}/statistics/"
    body = viewer.get(path, since=text(now - 600), step=60).json()
    assert body["step"] == 60
    assert 10 <= len(body["points"]) <= 12
    assert viewer.get(path, since=text(now - 86_400)).json()["step"] == 300


def test_more_than_can_be_told_at_once_is_refused_with_words(house: House, viewer: Caller, now: int) -> None:
    path = f"unikernels/{house.unikernel.pk}/statistics/"
    answer = viewer.get(path, since=text(now - 3 * 86_400), step=10)
    assert answer.status_code == 400
    assert "larger step" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("query", [{"step": 7}, {"since": "yesterday"}, {"until": "2026-01-01T00:00:00Z"}])
def test_what_cannot_be_asked_for_is_refused(house: House, viewer: Caller, query: dict[str, object]) -> None:
    assert viewer.get(f"unikernels/{house.unikernel.pk}/statistics/", **query).status_code == 400


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_times_at_the_ends_do_no_harm(house: House, viewer: Caller, since: str) -> None:
    answer = viewer.get(f"unikernels/{house.unikernel.pk}/statistics/", since=since)
    assert answer.status_code in {200, 400}


def test_a_crash_loop_is_marked_in_the_list_and_on_its_own(house: House, viewer: Caller) -> None:
    loops(house.unikernel, house.unikernel.created_at)
    (listed,) = [row for row in viewer.get("unikernels/").json()["items"] if row["crash_loop"]]
    assert listed["id"] == house.unikernel.pk
    assert viewer.get(f"unikernels/{house.unikernel.pk}/").json()["crash_loop"] is True


def test_why_nothing_comes_is_told(house: House, viewer: Caller) -> None:
    Feed.objects.create(instance=house.unikernel.instance, trouble_text="Another reader took it.")
    body = viewer.get(f"unikernels/{house.unikernel.pk}/statistics/").json()
    assert (body["points"], body["trouble"]) == ([], "Another reader took it.")
