"""The scheduled rounds: which checks are due, what their results change, and what is told about that."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.events import record
from unikernels.checks.history import FLIPS
from unikernels.checks.probes import Found
from unikernels.checks.rounds import Result, keep, tried
from unikernels.checks.standing import ASKED, DOWN_AFTER, UNKNOWN_AFTER, Standing, after
from unikernels.letters.checks import is_news
from unikernels.models import Check, CheckResult, Operation
from unikernels.webhooks import telling

TIMEOUT = 5.0  # seconds of one try
SIDE_BY_SIDE = 64  # checks at once: threads that only wait
BUDGET = 4.0  # seconds after which a sweep takes no more: the next one comes and goes on
CONFIRM_SECONDS = 10  # after a first failure the next try does not wait a whole round
PRUNE_MOST = 5000  # results a sweep; the rest follows with the next
FORGET_MOST = 200  # checks of stopped unikernels a sweep

State = Check.State
Outcome = CheckResult.Outcome

log = logging.getLogger(__name__)


def sweep() -> int:
    """Ask every check that is due, a batch at a time; how many. Never inside a transaction."""
    end = time.monotonic() + BUDGET
    asked = 0
    while checks := _claimed():
        results = tried(checks, TIMEOUT)
        asked += len(results)
        take_in(results)
        if time.monotonic() > end:
            break
    return asked


def take_in(results: Sequence[Result]) -> None:
    """Keep *results* and what follows from them, but nothing of a unikernel that was changed meanwhile."""
    if not results:
        return
    changed = _changed_since(min(result.at for result in results), (r.check.unikernel_id for r in results))
    counted = [result for result in results if result.check.unikernel_id not in changed]
    keep(counted)
    for result in counted:
        try:
            _stand(result)
        except Exception:  # one check that makes us fail must not stop all others
            log.exception("check %s: its result was not taken in", result.check.pk)


def forget_stopped() -> None:
    """What stopped unikernels answered says nothing about them any more."""
    stopped = Check.objects.filter(~_under_way("unikernel")).exclude(unikernel__state__in=ASKED)
    known = stopped.exclude(state=State.UNKNOWN).select_related("unikernel__team", "unikernel__instance")
    for check in known[:FORGET_MOST]:
        _flip(check, Standing(State.UNKNOWN), Found(Outcome.INCONCLUSIVE, 0.0, "The unikernel was stopped."))


def prune() -> int:
    """Let go of results that are too old; how many."""
    oldest = timezone.now() - timedelta(days=settings.CHECK_RESULT_DAYS)
    rows = CheckResult.objects.filter(at__lt=oldest).order_by("at").values_list("pk", flat=True)
    pks = list(rows[:PRUNE_MOST])
    return CheckResult.objects.filter(pk__in=pks).delete()[0] if pks else 0


# --- inner -------------------------------------------------------------------------------------------


def _claimed() -> list[Check]:
    """The checks that are due longest, each moved to its next round: only one caller gets it."""
    now = timezone.now()
    due = Check.objects.filter(
        ~_under_way("unikernel"),
        due_at__lte=now,
        unikernel__state__in=ASKED,
    ).select_related("unikernel__instance", "unikernel__team")
    checks = list(due.order_by("due_at")[:SIDE_BY_SIDE])
    if not checks:
        return []
    with transaction.atomic():
        return [check for check in checks if _claim(check, now + timedelta(seconds=check.seconds))]


def _claim(check: Check, due_at: datetime) -> bool:
    claimed = bool(_claim_of(check).update(due_at=due_at))
    check.due_at = due_at
    return claimed


def _under_way(unikernel: str) -> Exists:
    return Exists(Operation.objects.filter(unikernel=OuterRef(unikernel), finished_at=None))


def _changed_since(moment: datetime, unikernels: Iterable[int]) -> set[int]:
    """Those of *unikernels* on which an operation is under way, or was since *moment*."""
    worked = Operation.objects.filter(
        Q(finished_at=None) | Q(finished_at__gte=moment), unikernel__in=set(unikernels)
    )
    return set(worked.values_list("unikernel_id", flat=True))


def _stand(result: Result) -> None:
    """Write how the check of *result* stands now, if that is news."""
    check, outcome = result.check, Outcome(result.found.outcome)
    was = Standing(State(check.state), check.failures)
    unsaid = _unsaid(check) if outcome is Outcome.INCONCLUSIVE else 0
    now = after(was, outcome, unsaid)
    if now.state != was.state:
        _flip(check, now, result.found)
    elif now != was:
        soon = timezone.now() + timedelta(seconds=CONFIRM_SECONDS)
        sooner = {"due_at": min(check.due_at, soon)} if 0 < now.failures < DOWN_AFTER else {}
        _claim_of(check).update(failures=now.failures, **sooner)


def _flip(check: Check, now: Standing, found: Found) -> None:
    """The new state with its event and what webhooks are told: all or nothing, and only by whoever holds the claim."""
    was = State(check.state)
    with transaction.atomic():
        since = timezone.now()
        if not _claim_of(check).update(state=now.state, state_since=since, failures=now.failures):
            return
        check.state, check.state_since, check.failures = now.state, since, now.failures
        record(
            actor=SYSTEM,
            kind=FLIPS[now.state],
            subject=f"unikernel:{check.unikernel_id}",
            team=check.unikernel.team,
            instance=check.unikernel.instance,
            was=was,
            now=now.state,
            reason=f"{check.name}: {found.text}",
            data={"check": check.pk, "text": found.text},
        )
        if is_news(check, was=was):
            telling.check_changed(check, found.text)


def _claim_of(check: Check) -> QuerySet[Check]:
    """The row of *check*, unless somebody changed or claimed it since it was read."""
    return Check.objects.filter(pk=check.pk, due_at=check.due_at)


def _unsaid(check: Check) -> int:
    """How many of the newest results in a row say nothing, up to ``UNKNOWN_AFTER``."""
    newest = CheckResult.objects.filter(check_row=check).order_by("-at", "-pk")
    outcomes = list(newest.values_list("outcome", flat=True)[:UNKNOWN_AFTER])
    said = [number for number, outcome in enumerate(outcomes) if outcome != Outcome.INCONCLUSIVE]
    return said[0] if said else len(outcomes)
