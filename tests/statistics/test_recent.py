from __future__ import annotations

import pytest

from unikernels.statistics.grids import MISSING
from unikernels.statistics.recent import MINUTES, Recent


def known(recent: Recent, pk: int) -> list[float]:
    """What is known of a unikernel, oldest first."""
    return [value for value in recent.line(pk) if value is not None]


def test_a_minute_is_told_when_it_is_over() -> None:
    recent = Recent()
    recent.take(600, {1: 1000})
    assert not recent.take(610, {1: 3000})
    assert known(recent, 1) == []
    assert recent.take(660, {1: 0})
    assert known(recent, 1) == [0.2]


def test_an_hour_is_kept() -> None:
    recent = Recent()
    for minute in range(100, 200):
        recent.take(minute * 60, {1: minute})
    assert len(recent.line(1)) == MINUTES
    assert recent.line(1)[-1] == pytest.approx(0.0198)
    assert recent.line(1)[0] == pytest.approx(0.0139)


def test_minutes_without_a_word_are_gaps() -> None:
    recent = Recent()
    recent.take(600, {1: 1000})
    recent.take(780, {1: 1000})
    assert recent.line(1)[-3:] == [0.1, None, None]
    recent.take(600 + 60 * 500, {})
    assert known(recent, 1) == []


def test_what_has_no_rate_yet_and_what_was_never_seen_have_no_line() -> None:
    recent = Recent()
    recent.take(600, {1: MISSING})
    recent.take(660, {})
    assert recent.line(1) == recent.line(2) == [None] * MINUTES
    assert recent.pack() == b""


def test_packed_it_comes_back() -> None:
    recent = Recent()
    recent.take(600, {1: 1000, 2**40: 9_999_999})
    recent.take(660, {1: 2000})
    again = Recent.unpack(recent.minute, recent.pack())
    assert again.line(1) == recent.line(1)
    assert known(again, 2**40) == [6.5534]


def test_of_many_only_those_that_are_drawn_are_unpacked() -> None:
    recent = Recent()
    recent.take(600, {1: 1000, 2: 2000, 3: 3000})
    recent.take(660, {})
    some = Recent.unpack(recent.minute, recent.pack(), {2, 4})
    assert some.lines == {2: recent.lines[2]}


def test_those_that_are_gone_are_forgotten() -> None:
    recent = Recent()
    recent.take(600, {1: 1000, 2: 1000})
    recent.take(660, {})
    recent.forget({2})
    assert known(recent, 1) == []
    assert known(recent, 2) == [0.1]
