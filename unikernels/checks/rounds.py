"""One round: every check of a unikernel once, side by side, and what they say together."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from mollymawk.errors import Invalid
from unikernels.checks.addresses import Reach
from unikernels.checks.probes import Found, probe
from unikernels.checks.resolving import reach_of
from unikernels.checks.settings import Settings, parse
from unikernels.models import Check, CheckResult, Operation, Unikernel

Outcome = CheckResult.Outcome

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found, and when it was begun."""

    check: Check
    at: datetime
    found: Found


@dataclass(frozen=True, slots=True)
class Round:
    """What all checks of a unikernel say: ``failed`` if one failed, ``passed`` only if all passed."""

    outcome: Outcome
    text: str
    results: tuple[Result, ...] = ()


def configured(unikernel: Unikernel) -> bool:
    """Whether *unikernel* has any check."""
    return Check.objects.filter(unikernel=unikernel).exists()


def run(unikernel: Unikernel, *, timeout: float, operation: Operation | None = None) -> Round:
    """Try all checks of *unikernel* at the same time, for at most *timeout* seconds, and keep the results.

    Never inside a transaction. Without any check the round is inconclusive: no result is not healthy.
    """
    checks = Check.objects.filter(unikernel=unikernel).select_related("unikernel__instance")
    results = tried(list(checks), timeout)
    keep(results, operation)
    return judged(results)


def judged(results: Sequence[Result]) -> Round:
    """What *results* say together (pure)."""
    for outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE):
        if said := [f"{r.check.name}: {r.found.text}" for r in results if r.found.outcome == outcome]:
            return Round(outcome, " ".join(said), tuple(results))
    if not results:
        return Round(Outcome.INCONCLUSIVE, "It has no check.")
    return Round(Outcome.PASSED, _passed(results), tuple(results))


def tried(checks: Sequence[Check], timeout: float) -> tuple[Result, ...]:
    """One try of each of *checks* at the same time, in their order; nothing is written.

    Read them with ``select_related("unikernel__instance")``.
    """
    if not checks:
        return ()
    at = timezone.now()
    with ThreadPoolExecutor(len(checks), thread_name_prefix="check") as pool:
        begun = [
            (check, pool.submit(_try, check, reach_of(check.unikernel.instance), timeout)) for check in checks
        ]
    results = []
    for check, future in begun:
        if error := future.exception():  # ours: it must not stop the other checks
            log.error("check %s: %s", check.pk, type(error).__name__, exc_info=error)
        found = _not_tried(f"It could not be tried: {type(error).__name__}.") if error else future.result()
        results.append(Result(check, at, found))
    return tuple(results)


def keep(results: Iterable[Result], operation: Operation | None = None) -> None:
    """Store *results*, but not those of checks that were removed meanwhile."""
    rows = [
        CheckResult(
            check_row=result.check,
            operation=operation,
            at=result.at,
            outcome=result.found.outcome,
            latency=result.found.latency,
            text=result.found.text,
        )
        for result in results
    ]
    try:
        with transaction.atomic():
            there = set(
                Check.objects.filter(pk__in={row.check_row_id for row in rows}).values_list("pk", flat=True)
            )
            CheckResult.objects.bulk_create([row for row in rows if row.check_row_id in there])
    except IntegrityError:
        log.info("a check was removed while its result was stored: results of this round are not kept")


def _try(check: Check, reach: Reach, timeout: float) -> Found:
    """In a thread: no database here."""
    try:
        wanted: Settings = parse(check.kind, check.settings)
    except Invalid as error:
        return _not_tried(f"Its settings cannot be read: {error}")
    return probe(wanted, reach, timeout)


def _not_tried(text: str) -> Found:
    return Found(Outcome.INCONCLUSIVE, 0.0, text)


def _passed(results: Sequence[Result]) -> str:
    slowest = max(result.found.latency for result in results)
    what = "1 check passed" if len(results) == 1 else f"{len(results)} checks passed"
    return f"{what} within {slowest * 1000:.0f} ms."
