"""The letter about a check that went down, or is up again."""

from __future__ import annotations

from typing import Protocol

from accounts.mail.services import letter_write
from accounts.mail.topics import Topic
from accounts.models import Event
from unikernels.checks.history import FLIPS
from unikernels.letters.words import letter, link_to, moment, place_of, readers_of
from unikernels.models import Check

State = Check.State
TOLD = (State.UP, State.DOWN)


class Found(Protocol):
    """What the last try of a check found; see ``checks.probes``."""

    @property
    def text(self) -> str: ...


def is_news(check: Check, *, was: str) -> bool:
    """Whether anybody is to be told how *check* stands now, whose state was *was*.

    That a new check is up is no news; nor is what was told before a time in which nothing was known.
    """
    now = State(check.state)
    told = _told_last(check) if was == State.UNKNOWN else was
    return now in TOLD and now != told and not (now == State.UP and told is None)


def check_changed(check: Check, *, was: str, found: Found) -> None:
    """Write the letters about *check*, whose state was *was*, to the members of the team, if that is news.

    Call it inside the transaction that writes its new state.
    """
    if not is_news(check, was=was):
        return
    letter_write(
        users=readers_of(check.unikernel.team),
        topic=Topic.CHECKS,
        subject=f"{place_of(check.unikernel)}: check {check.name} is {_word(State(check.state))}",
        text=text_of(check, found),
    )


def text_of(check: Check, found: Found) -> str:
    """What happened, whether it runs, what to do, one link. Not what is asked: addresses may hold secrets."""
    unikernel, down = check.unikernel, check.state == State.DOWN
    seen = unikernel.instance.seen_at
    runs = f"{unikernel.state}, as seen {moment(seen)}" if seen else unikernel.state
    return letter(
        f"Check {check.name} ({check.kind.upper()}) of {place_of(unikernel)} is "
        f"{_word(State(check.state))} since {moment(check.state_since)}.",
        found.text if down else "",
        f"Running: {runs}\nTo do:   {_to_do(check) if down else 'nothing.'}",
        link_to("unikernel", unikernel.pk),
    )


def _told_last(check: Check) -> str | None:
    """How it stood when something was last known of it."""
    flips = Event.objects.filter(
        subject=f"unikernel:{check.unikernel_id}",
        kind__in=[FLIPS[state] for state in TOLD],
        data__check=check.pk,
        at__lt=check.state_since,
    )
    return flips.order_by("-id").values_list("now", flat=True).first()


def _word(state: State) -> str:
    return "down" if state == State.DOWN else "up again"


def _to_do(check: Check) -> str:
    rounds = check.unikernel.restart_after
    if rounds:
        return f"read its console; it is restarted by itself after {rounds} failed rounds."
    return "read its console; restart it, or put another version in place."
