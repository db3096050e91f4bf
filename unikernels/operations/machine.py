"""The operation machine: every state, every event, and one table of what follows what.

Two rules hold here: everything about transitions is in this file, and this file knows nothing of
databases, sockets or clocks. The diagram in ``docs/architecture.md`` is drawn from ``TRANSITIONS``
by ``manage.py state_diagram``.

An operation runs on one of three *legs*. ``OUT``: towards its target, with a version to fall back
to. ``ONLY``: towards its target, with nothing to fall back to. ``BACK``: towards the fallback, after
something failed beyond the commit point.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType


class Kind(enum.StrEnum):
    """What an operation does to its unikernel."""

    DEPLOY = "deploy"
    UPGRADE = "upgrade"
    ROLLBACK = "rollback"
    CONFIGURE = "configure"
    RESTART = "restart"
    DESTROY = "destroy"
    BLOCK_UPLOAD = "block_upload"  # these two are stepped by ``unikernels.blocks``, over a table there
    BLOCK_DOWNLOAD = "block_download"


TRANSFERS = frozenset({Kind.BLOCK_UPLOAD, Kind.BLOCK_DOWNLOAD})


class State(enum.StrEnum):
    """Where an operation stands: the step to do next, or how it ended."""

    CHECK = "check"  # does what runs now pass its checks?
    FETCH = "fetch"  # get the image into the store
    VERIFY = "verify"  # digest, ELF, ABI
    PREFLIGHT = "preflight"  # devices, policy, memory, name
    CAPTURE = "capture"  # hold the bytes of the way back
    SWAP = "swap"  # the first send; ends with the commit point
    OBSERVE = "observe"  # what did the instance make of it?
    RESEND = "resend"  # the same again, after looking
    PROVE = "prove"  # does it answer, does it stay up?

    SUCCEEDED = "succeeded"
    ABORTED = "aborted"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


class Event(enum.StrEnum):
    """What one step found."""

    PASSED = "passed"
    REFUSED = "refused"  # it would not work: nothing was touched by this step
    WAIT = "wait"  # nothing to decide yet
    SENT = "sent"  # beyond the commit point, whatever the answer was
    NOT_SENT = "not_sent"  # broke before the commit point: no effect, may be tried again
    ARRIVED = "arrived"  # the instance shows the target
    GONE = "gone"  # the instance shows nothing, as asked
    SEND_AGAIN = "send_again"
    UNTOUCHED = "untouched"  # the instance refused before it touched what ran
    LOST = "lost"  # the target is not there and will not come
    FOREIGN = "foreign"  # somebody else put another thing in its place
    UNKNOWABLE = "unknowable"  # no observation can tell, and sending again could do harm
    GOOD = "good"
    BAD = "bad"
    UNWELL = "unwell"  # it runs, and its checks fail: for a rollback, whose way ends here
    CANCEL = "cancel"
    EXPIRED = "expired"  # the deadline passed


class Leg(enum.StrEnum):
    """Which way an operation goes."""

    OUT = "out"
    ONLY = "only"
    BACK = "back"


class Running(enum.StrEnum):
    """What is known of the unikernel when an operation failed."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


TERMINAL = frozenset({State.SUCCEEDED, State.ABORTED, State.CANCELLED, State.ROLLED_BACK, State.FAILED})
BEFORE_COMMIT = frozenset(
    {State.CHECK, State.FETCH, State.VERIFY, State.PREFLIGHT, State.CAPTURE, State.SWAP}
)

Place = tuple[Leg, State]


class IllegalEvent(Exception):
    """An event that cannot happen in that state: our mistake, and nothing is changed."""


def _before(leg: Leg, state: State, following: State) -> dict[Event, Place]:
    """A step before the commit point: whatever goes wrong, nothing was touched."""
    return {
        Event.PASSED: (leg, following),
        Event.WAIT: (leg, state),
        Event.REFUSED: (leg, State.ABORTED),
        Event.CANCEL: (leg, State.CANCELLED),
        Event.EXPIRED: (leg, State.ABORTED),
    }


def _towards_target(leg: Leg) -> dict[State, dict[Event, Place]]:
    # What follows a failure beyond the commit point: the way back, or the end.
    astray: Place = (Leg.BACK, State.PREFLIGHT) if leg is Leg.OUT else (leg, State.FAILED)
    table = {
        State.CHECK: _before(leg, State.CHECK, State.FETCH),
        State.FETCH: _before(leg, State.FETCH, State.VERIFY),
        State.VERIFY: _before(leg, State.VERIFY, State.PREFLIGHT),
        State.PREFLIGHT: _before(leg, State.PREFLIGHT, State.CAPTURE),
        State.CAPTURE: _before(leg, State.CAPTURE, State.SWAP),
        State.SWAP: {
            Event.SENT: (leg, State.OBSERVE),
            Event.NOT_SENT: (leg, State.SWAP),
            Event.REFUSED: (leg, State.ABORTED),
            Event.CANCEL: (leg, State.CANCELLED),
            Event.EXPIRED: (leg, State.ABORTED),
        },
        State.OBSERVE: {
            Event.WAIT: (leg, State.OBSERVE),
            Event.ARRIVED: (leg, State.PROVE),
            Event.GONE: (leg, State.SUCCEEDED),
            Event.SEND_AGAIN: (leg, State.RESEND),
            Event.UNTOUCHED: (leg, State.ABORTED),
            Event.LOST: astray,
            Event.FOREIGN: (leg, State.FAILED),
            Event.UNKNOWABLE: (leg, State.FAILED),
            Event.EXPIRED: astray,
        },
        State.RESEND: {
            Event.WAIT: (leg, State.OBSERVE),
            Event.SENT: (leg, State.OBSERVE),
            Event.NOT_SENT: (leg, State.RESEND),
            Event.REFUSED: astray,
            Event.EXPIRED: astray,
        },
        State.PROVE: {
            Event.WAIT: (leg, State.PROVE),
            Event.GOOD: (leg, State.SUCCEEDED),
            Event.BAD: astray,
            Event.UNWELL: (leg, State.FAILED),
            Event.FOREIGN: (leg, State.FAILED),
            Event.EXPIRED: astray,
        },
    }
    if leg is Leg.OUT:  # with nothing to go back to, a cancel after the commit point is refused with words
        for state in (State.OBSERVE, State.RESEND, State.PROVE):
            table[state][Event.CANCEL] = astray
    return table


def _back() -> dict[State, dict[Event, Place]]:
    """Going back: no checks before, no capture, no cancel; every ending but one is a failure."""
    failed = (Leg.BACK, State.FAILED)
    return {
        State.PREFLIGHT: {
            Event.PASSED: (Leg.BACK, State.SWAP),
            Event.WAIT: (Leg.BACK, State.PREFLIGHT),
            Event.REFUSED: failed,
            Event.EXPIRED: failed,
        },
        State.SWAP: {
            Event.SENT: (Leg.BACK, State.OBSERVE),
            Event.NOT_SENT: (Leg.BACK, State.SWAP),
            Event.REFUSED: failed,
            Event.EXPIRED: failed,
        },
        State.OBSERVE: {
            Event.WAIT: (Leg.BACK, State.OBSERVE),
            Event.ARRIVED: (Leg.BACK, State.PROVE),
            Event.SEND_AGAIN: (Leg.BACK, State.RESEND),
            Event.UNTOUCHED: failed,
            Event.LOST: failed,
            Event.FOREIGN: failed,
            Event.UNKNOWABLE: failed,
            Event.EXPIRED: failed,
        },
        State.RESEND: {
            Event.WAIT: (Leg.BACK, State.OBSERVE),
            Event.SENT: (Leg.BACK, State.OBSERVE),
            Event.NOT_SENT: (Leg.BACK, State.RESEND),
            Event.REFUSED: failed,
            Event.EXPIRED: failed,
        },
        State.PROVE: {
            Event.WAIT: (Leg.BACK, State.PROVE),
            Event.GOOD: (Leg.BACK, State.ROLLED_BACK),
            Event.BAD: failed,
            Event.FOREIGN: failed,
            Event.EXPIRED: failed,
        },
    }


TRANSITIONS: Mapping[Leg, Mapping[State, Mapping[Event, Place]]] = MappingProxyType(
    {Leg.OUT: _towards_target(Leg.OUT), Leg.ONLY: _towards_target(Leg.ONLY), Leg.BACK: _back()}
)

FIRST_STATE: Mapping[Kind, State] = MappingProxyType(
    {
        Kind.DEPLOY: State.FETCH,
        Kind.UPGRADE: State.CHECK,
        Kind.ROLLBACK: State.FETCH,
        Kind.CONFIGURE: State.CHECK,
        Kind.RESTART: State.PREFLIGHT,
        Kind.DESTROY: State.PREFLIGHT,
        Kind.BLOCK_UPLOAD: State.PREFLIGHT,
        Kind.BLOCK_DOWNLOAD: State.PREFLIGHT,
    }
)


def follow(leg: Leg, state: State, event: Event) -> Place:
    """The leg and state that follow; ``IllegalEvent`` when *event* cannot happen there."""
    try:
        return TRANSITIONS[leg][state][event]
    except KeyError:
        raise IllegalEvent(f"{event} cannot happen in {state} on the way {leg}") from None
