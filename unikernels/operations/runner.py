"""Who runs operations: claim, step, write, and again until something has to be waited for.

``advance`` may be called by anybody at any time, twice, late or never: the row and the lease decide.
A sweep every few seconds wakes what is due (design rule 1), so a lost message costs only latency.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from unikernels.blocks import runner as transfers
from unikernels.models import Operation
from unikernels.operations import record
from unikernels.operations.ending import with_console
from unikernels.operations.facts import Answer
from unikernels.operations.fetching import to_download
from unikernels.operations.judge import Timings
from unikernels.operations.lease import Lease, LeaseLost
from unikernels.operations.machine import TERMINAL, TRANSFERS, TRANSITIONS, Event, Kind, State
from unikernels.operations.steps import STEPS
from unikernels.operations.work import Outcome, Work

POISONED = 30.0  # seconds: an operation that makes us fail is put aside for so long

log = logging.getLogger(__name__)


def timings() -> Timings:
    """The waits of this process; tests shorten them by ``OPERATION_TIMINGS``."""
    return Timings(**getattr(settings, "OPERATION_TIMINGS", {}))


def downloads(pk: int) -> bool:
    """Whether the next thing that operation *pk* does may take minutes: a download, or a block transfer."""
    from_builder = Q(state=State.FETCH, target__build__isnull=False, target__image=None)
    return Operation.objects.filter(from_builder | Q(kind__in=TRANSFERS), pk=pk).exists()


def advance(pk: int, *, downloads: bool = True) -> float | None:
    """Take operation *pk* as far as it goes now; without *downloads* not into one, nor a block transfer.

    Returns the seconds until it is due again, or None when it is finished or somebody else's.
    """
    waits = timings()
    lease = Lease.acquire(pk, waits)
    if lease is None:
        return None
    due: float | None = POISONED
    try:
        due = _step(pk, lease, waits, downloads=downloads)
    except LeaseLost:
        log.info("operation %s: the lease is lost", pk)
        due = 0.0  # whoever comes next, at once
        return None
    finally:
        lease.release(due_in=due)
    return due


def _step(pk: int, lease: Lease, waits: Timings, *, downloads: bool) -> float | None:
    if not Operation.objects.filter(pk=pk, kind__in=TRANSFERS).exists():
        return _run(pk, lease, waits, downloads=downloads)
    return transfers.run(pk, lease, waits) if downloads else 0.0


def _run(pk: int, lease: Lease, waits: Timings, *, downloads: bool) -> float | None:
    while True:
        lease.cancellable = False
        lease.guard()
        operation = _read(pk)
        work = Work(operation, lease, waits, time.time())
        if not downloads and to_download(work):
            return 0.0
        outcome = with_console(work, _interruption(work) or STEPS[work.state](work))
        state = record.write(work, outcome)
        if state in TERMINAL:
            log.info("operation %s %s: %s", pk, operation.kind, state)
            return None
        if outcome.wait > 0:
            return outcome.wait


def _read(pk: int) -> Operation:
    return Operation.objects.select_related(
        "unikernel__instance",
        "unikernel__team",
        "unikernel__current",
        "team",
        "target__image",
        "target__build__builder",
        "fallback__image",
    ).get(pk=pk)


def _interruption(work: Work) -> Outcome | None:
    """What goes before the step: a send whose holder vanished, the deadline, a cancel."""
    operation, memo = work.operation, work.memo
    if work.state in {State.SWAP, State.RESEND} and operation.armed_at is not None:
        # Whether it crossed the commit point is not known: that is for the looks to find out.
        return Outcome(Event.SENT, replace(memo, answer=Answer.UNCLEAR), "Whoever sent it was interrupted.")
    possible = TRANSITIONS[work.leg][work.state]
    if timezone.now() >= operation.deadline_at and Event.EXPIRED in possible:
        return Outcome(Event.EXPIRED, memo, "The time for it ran out.")
    if operation.cancel_asked_at is not None and Event.CANCEL in possible and not _on_the_way_back(work):
        return Outcome(Event.CANCEL, memo, "It was cancelled.")
    return None


def _on_the_way_back(work: Work) -> bool:
    """A rollback that was sent is not stopped: what it came from is what should not run."""
    return work.kind is Kind.ROLLBACK and not work.before_commit
