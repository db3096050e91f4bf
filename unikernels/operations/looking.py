"""Looking at the instance: what it shows of an operation's unikernel this moment."""

from __future__ import annotations

import time

from albatross.errors import AlbatrossError
from mollymawk.errors import ApplicationError
from unikernels.inventory.observed import write_observed
from unikernels.operations import judge
from unikernels.operations.facts import Look
from unikernels.operations.machine import Event
from unikernels.operations.work import Outcome, Work


def look_now(work: Work) -> Look:
    """Ask at the root: such a question carries no policy, so it can neither overwrite one nor be
    locked out by one (protocol-observed 32).
    """
    asked = time.time()
    try:
        info = dict(work.client.unikernels()).get(work.name)
    except (AlbatrossError, ApplicationError):
        return judge.dark(time.time())
    now = time.time()
    write_observed(work.unikernel, info, now)
    return work.see(info, now, max(0.0, now - asked))


def too_early(work: Work, gap: float) -> Outcome | None:
    """A wake-up that came before its time waits for the rest of it."""
    last = work.memo.looks[-1].at if work.memo.looks else 0.0
    rest = last + gap - work.now
    return Outcome(Event.WAIT, work.memo, wait=rest) if rest > 0.01 else None


def may_exit(work: Work) -> bool:
    """Whether it is a batch unikernel, whose end says nothing bad."""
    return work.configuration is not None and work.configuration.may_exit
