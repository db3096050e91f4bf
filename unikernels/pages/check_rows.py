"""The checks of a unikernel in the words of its page."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from unikernels.checks.services import MAX_CHECKS, Span, results_of, told_of
from unikernels.checks.standing import ASKED
from unikernels.models import Check, CheckResult, Unikernel
from unikernels.pages.strip import Strip, strip_of
from unikernels.pages.words import Badge
from unikernels.templatetags.house import span

IN_CARD = 30  # results in the strip of a card
_STATES = {
    Check.State.UP: Badge("up", "ok"),
    Check.State.DOWN: Badge("down", "bad"),
    Check.State.UNKNOWN: Badge("not known yet", "idle"),
}
_PAUSED = Badge("paused", "idle")
_OUTCOMES = {
    CheckResult.Outcome.PASSED: Badge("passed", "ok"),
    CheckResult.Outcome.FAILED: Badge("failed", "bad"),
    CheckResult.Outcome.INCONCLUSIVE: Badge("inconclusive", "idle"),
}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check: how it stands, what it asks, its last results."""

    check: Check
    badge: Badge
    asks: str
    latest: CheckResult | None
    strip: Strip


def badge_of(check: Check, *, runs: bool) -> Badge:
    """How a check stands; what does not run is not asked."""
    return _STATES[Check.State(check.state)] if runs else _PAUSED


def outcome_badge(outcome: str) -> Badge:
    """What one try said."""
    return _OUTCOMES[CheckResult.Outcome(outcome)]


def check_rows(thing: Unikernel) -> list[CheckRow]:
    """The checks of *thing* by name: a small query for each, and there are at most ``MAX_CHECKS``."""
    runs = thing.state in ASKED
    return [_row(check, runs=runs) for check in Check.objects.filter(unikernel=thing)[:MAX_CHECKS]]


def _row(check: Check, *, runs: bool) -> CheckRow:
    results = list(results_of(check)[:IN_CARD])
    latest = results[0] if results else None
    return CheckRow(check, badge_of(check, runs=runs), told_of(check), latest, strip_of(results))


@dataclass(frozen=True, slots=True)
class Period:
    """A time through which a check stood the same, in words."""

    badge: Badge
    span: Span
    lasted: str


def period(one: Span) -> Period:
    """*one* as a line of a table."""
    ended = one.ended or timezone.now()
    return Period(_STATES[one.state], one, span((ended - one.began).total_seconds()))


def percent(share: float | None) -> str:
    """``99.95 %``: never rounded up to a hundred that was not reached."""
    if share is None:
        return "not known"
    if share == 1:
        return "100 %"
    return f"{int(share * 10_000) / 100:.2f} %"
