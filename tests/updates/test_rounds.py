"""The choice of a round, without a database: who begins, who waits, and what is said about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unikernels.updates.calendar import Maintenance
from unikernels.updates.rounds import Around, Candidate, Obstacle, choose, obstacle

NOW = datetime(2026, 6, 10, 3, 30, tzinfo=UTC)
OPENED = datetime(2026, 6, 10, 3, 0, tzinfo=UTC)
NIGHTLY = Maintenance((0, 1, 2, 3, 4, 5, 6), "03:00", 120, "UTC")
DAILY = replace(NIGHTLY, start="12:00")
MINUTE = timedelta(minutes=1)

READY = Candidate(
    unikernel=1,
    team=1,
    instance=1,
    window=NIGHTLY,
    newer=True,
    tried=False,
    suspect=False,
    runs=True,
    online=True,
    busy=False,
    frozen=False,
    waits_since=NOW - timedelta(days=9),
)
QUIET = Around(now=NOW, at_once=2, going_on={}, mishaps={})


def candidates(count: int) -> list[Candidate]:
    return [replace(READY, unikernel=number) for number in range(1, count + 1)]


def keys(chosen: list[Candidate]) -> list[int]:
    return [candidate.unikernel for candidate in chosen]


def test_what_is_ready_in_its_window_begins() -> None:
    assert obstacle(READY, QUIET) is None
    assert choose([READY], QUIET) == [READY]


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (replace(READY, newer=False), Obstacle.NOTHING_NEWER),
        (replace(READY, tried=True), Obstacle.TRIED),
        (replace(READY, suspect=True), Obstacle.SUSPECT),
        (replace(READY, frozen=True), Obstacle.FROZEN),
        (replace(READY, runs=False), Obstacle.NOT_RUNNING),
        (replace(READY, online=False), Obstacle.OFFLINE),
        (replace(READY, window=None), Obstacle.NO_WINDOW),
        (replace(READY, window=DAILY), Obstacle.CLOSED),
        (replace(READY, refused_at=OPENED), Obstacle.REFUSED),
        (replace(READY, busy=True), Obstacle.BUSY),
    ],
    ids=lambda value: value.name if isinstance(value, Obstacle) else "",
)
def test_what_is_in_the_way_is_told(candidate: Candidate, why: Obstacle) -> None:
    assert obstacle(candidate, QUIET) is why
    assert choose([candidate], QUIET) == []


def test_a_refusal_counts_until_the_window_opens_again() -> None:
    assert obstacle(replace(READY, refused_at=OPENED - MINUTE), QUIET) is None


# --- how many at once --------------------------------------------------------------------------------


def test_no_more_than_so_many_at_once_on_an_instance() -> None:
    assert keys(choose(candidates(5), QUIET)) == [1, 2]
    assert keys(choose(candidates(5), replace(QUIET, going_on={1: 1}))) == [1]
    assert keys(choose(candidates(5), replace(QUIET, going_on={1: 2}))) == []
    assert keys(choose(candidates(5), replace(QUIET, going_on={1: 7}))) == []


def test_each_instance_has_its_own_number() -> None:
    here, there = (
        candidates(3),
        [replace(one, instance=2, unikernel=one.unikernel + 10) for one in candidates(3)],
    )
    assert keys(choose([*here, *there], replace(QUIET, going_on={1: 1}))) == [1, 11, 12]


def test_those_that_wait_longest_come_first() -> None:
    first, second, third = candidates(3)
    third = replace(third, waits_since=first.waits_since - MINUTE)
    assert keys(choose([first, second, third], QUIET)) == [3, 1]


# --- when one does not end well ----------------------------------------------------------------------


def test_one_that_does_not_end_well_stops_its_team_until_the_window_opens_again() -> None:
    stopped = replace(QUIET, mishaps={1: OPENED + MINUTE})
    assert obstacle(READY, stopped) is Obstacle.STOPPED
    assert obstacle(READY, replace(stopped, now=NOW + timedelta(days=1))) is None


def test_what_happened_before_the_window_opened_stops_nothing() -> None:
    assert obstacle(READY, replace(QUIET, mishaps={1: OPENED - MINUTE})) is None


def test_other_teams_go_on() -> None:
    other = replace(READY, team=2, unikernel=2)
    assert choose([READY, other], replace(QUIET, mishaps={1: OPENED})) == [other]


# --- any round ---------------------------------------------------------------------------------------

TIMES = st.none() | st.integers(-300, 30).map(lambda minutes: NOW + minutes * MINUTE)
MANY = st.lists(
    st.builds(
        Candidate,
        unikernel=st.integers(1, 10**6),
        team=st.integers(1, 3),
        instance=st.integers(1, 3),
        window=st.sampled_from([NIGHTLY, NIGHTLY, NIGHTLY, DAILY, None]),
        newer=st.sampled_from([True, True, True, False]),
        tried=st.sampled_from([False, False, True]),
        suspect=st.sampled_from([False, False, True]),
        runs=st.sampled_from([True, True, True, False]),
        online=st.sampled_from([True, True, True, False]),
        busy=st.sampled_from([False, False, True]),
        frozen=st.sampled_from([False, False, False, True]),
        waits_since=st.integers(0, 5).map(lambda days: NOW - timedelta(days=days)),
        refused_at=TIMES,
    ),
    max_size=30,
    unique_by=lambda candidate: candidate.unikernel,
)
AROUNDS = st.builds(
    Around,
    now=st.just(NOW),
    at_once=st.integers(1, 4),
    going_on=st.dictionaries(st.integers(1, 3), st.integers(0, 5)),
    mishaps=st.dictionaries(
        st.integers(1, 3), st.integers(-300, 30).map(lambda minutes: NOW + minutes * MINUTE)
    ),
)


@given(MANY, AROUNDS)
def test_a_round_begins_all_it_may_and_nothing_else(many: list[Candidate], around: Around) -> None:
    chosen = choose(many, around)
    assert all(obstacle(candidate, around) is None for candidate in chosen)
    begun = Counter(candidate.instance for candidate in chosen)
    for instance in (1, 2, 3):
        ready = sum(obstacle(one, around) is None for one in many if one.instance == instance)
        free = max(0, around.at_once - around.going_on.get(instance, 0))
        assert begun[instance] == min(ready, free)


@given(MANY, AROUNDS, st.randoms())
def test_the_order_of_the_rows_decides_nothing(many: list[Candidate], around: Around, random: Random) -> None:
    shuffled = list(many)
    random.shuffle(shuffled)
    assert choose(shuffled, around) == choose(many, around)


@given(MANY, AROUNDS)
def test_after_a_round_nothing_more_begins(many: list[Candidate], around: Around) -> None:
    chosen = choose(many, around)
    begun = {candidate.unikernel for candidate in chosen}
    later = [replace(one, busy=one.busy or one.unikernel in begun) for one in many]
    counts = Counter(around.going_on) + Counter(candidate.instance for candidate in chosen)
    assert choose(later, replace(around, going_on=counts)) == []
