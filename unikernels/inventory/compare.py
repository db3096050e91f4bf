"""What became of one unikernel between what we know and what the instance reports (pure).

One report without it decides nothing: between its end and its automatic restart a unikernel is in
no report. Only what two reports in a row do not show is missing.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

UNSEEN = "unseen"  # stands in the place of a fingerprint after one report without the unikernel


class State(enum.StrEnum):
    """What we took it to be so far; the values of ``Unikernel.Presence``."""

    NEW = "new"
    RUNNING = "running"
    STOPPED = "stopped"
    MISSING = "missing"


class Change(enum.StrEnum):
    """What a report says about one unikernel that we did not know."""

    APPEARED = "appeared"  # it runs, and was never seen before
    RETURNED = "returned"  # it runs again, and not by us
    CHANGED = "changed"  # another process, image, configuration or owner
    FACTS = "facts"  # an operation is at work: only what was observed is written
    UNSEEN = "unseen"  # it ran, and is not in this report
    MISSING = "missing"  # nor was it in the report before
    GONE = "gone"  # missing, and nobody's here: forgotten


@dataclass(frozen=True, slots=True)
class Known:
    """What stands in the row. *busy*: an operation on it is unfinished."""

    state: State
    fingerprint: str
    managed: bool
    busy: bool = False


def compare(known: Known | None, fingerprint: str | None) -> Change | None:
    """What to do about a unikernel, None for nothing; *fingerprint* is that of the report, None: not in it."""
    if known is None:
        return Change.APPEARED if fingerprint is not None else None
    if fingerprint is None:
        return _absent(known)
    if known.busy:
        return Change.FACTS if fingerprint != known.fingerprint else None
    if known.state is State.NEW:
        return Change.APPEARED
    if known.state is not State.RUNNING:
        return Change.RETURNED
    return Change.CHANGED if fingerprint != known.fingerprint else None


def _absent(known: Known) -> Change | None:
    if known.busy or known.state is not State.RUNNING:
        return None
    if known.fingerprint != UNSEEN:
        return Change.UNSEEN
    return Change.MISSING if known.managed else Change.GONE
