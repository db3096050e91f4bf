"""What is said of checks that go down, and when that is news. The letters are those of alerts: one about all
that goes down within a minute.
"""

from __future__ import annotations

from accounts.models import Event
from unikernels.checks.history import FLIPS
from unikernels.models import Check, Unikernel

State = Check.State
TOLD = (State.UP, State.DOWN)


def is_news(check: Check, *, was: str) -> bool:
    """Whether anybody is to be told how *check* stands now, whose state was *was*.

    That a new check is up is no news; nor is what was told before a time in which nothing was known.
    """
    now = State(check.state)
    told = _told_last(check) if was == State.UNKNOWN else was
    return now in TOLD and now != told and not (now == State.UP and told is None)


def to_do(unikernel: Unikernel) -> str:
    """What somebody can do about a check that is down."""
    rounds = unikernel.restart_after
    if rounds:
        return f"Read its console; it is restarted by itself after {rounds} failed rounds."
    return "Read its console; restart it, or put another version in place."


def _told_last(check: Check) -> str | None:
    """How it stood when something was last known of it."""
    flips = Event.objects.filter(
        subject=f"unikernel:{check.unikernel_id}",
        kind__in=[FLIPS[state] for state in TOLD],
        data__check=check.pk,
        at__lt=check.state_since,
    )
    return flips.order_by("-id").values_list("now", flat=True).first()
