"""Ups and downs with their lengths, and the share of time in which a check was up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Event
from tests.checks.conftest import check_of
from unikernels.checks.history import FLIPS, Span, history, uptime
from unikernels.models import Check, Unikernel

UNKNOWN, UP, DOWN = Check.State
HOUR = timedelta(hours=1)


@pytest.fixture
def check(unikernel: Unikernel) -> Check:
    return check_of(unikernel, "web", "tcp", address="10.0.0.2:22")


def stood(check: Check, *flips: tuple[Check.State, float]) -> None:
    """*check* came to stand so, that many hours ago."""
    now = timezone.now()
    for state, hours in flips:
        Event.objects.create(
            at=now - hours * HOUR,
            credential="system",
            subject=f"unikernel:{check.unikernel_id}",
            kind=FLIPS[state],
            now=state,
            reason="web: It did.",
            data={"check": check.pk, "text": "It did."},
        )


def hours(span: Span) -> float:
    return round(span.seconds / 3600, 2)


def test_before_the_first_result_there_is_nothing(check: Check) -> None:
    assert history(check, 10) == []
    assert uptime(check, 30) is None


def test_ups_and_downs_newest_first_with_their_lengths(check: Check) -> None:
    stood(check, (UP, 10), (DOWN, 4), (UP, 3.5))
    spans = history(check, 10)
    assert [(span.state, hours(span)) for span in spans] == [(UP, 3.5), (DOWN, 0.5), (UP, 6)]
    assert [span.ended is None for span in spans] == [True, False, False]
    assert spans[0].text == "It did."
    assert len(history(check, 2)) == 2


@pytest.mark.parametrize(
    ("flips", "share"),
    [
        ([(UP, 10)], 1.0),
        ([(DOWN, 10)], 0.0),
        ([(UP, 10), (DOWN, 5)], 0.5),
        ([(UP, 10), (DOWN, 8), (UP, 6)], 0.8),
        ([(UP, 1000)], 1.0),
        ([(DOWN, 1000), (UP, 12)], 0.5),
        ([(UP, 100), (DOWN, 50), (UP, 24)], 1.0),
        ([(UP, 20), (UNKNOWN, 10)], 1.0),
        ([(DOWN, 20), (UNKNOWN, 15), (UP, 5)], 0.5),
        ([(UNKNOWN, 20)], None),
    ],
)
def test_the_share_of_the_last_day(
    check: Check, flips: list[tuple[Check.State, float]], share: float | None
) -> None:
    stood(check, *flips)
    found = uptime(check, 1)
    assert (found if found is None else round(found, 3)) == share


def test_other_checks_and_other_events_do_not_matter(check: Check, unikernel: Unikernel) -> None:
    other = check_of(unikernel, "other", "tcp", address="10.0.0.2:23")
    stood(check, (UP, 10))
    stood(other, (DOWN, 10))
    assert uptime(check, 1) == 1.0
    assert [span.state for span in history(other, 10)] == [DOWN]
