"""Block transfers: the table of what follows what (pure), in the words of ``operations.machine``.

The commit point of an upload is its first byte: from then on the old content is gone. Nothing can be
taken back, so there is one way, and what was begun and not seen to its end is looked at (``PROVE``
reads the device and compares), never sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from unikernels.operations.machine import Event, IllegalEvent, Kind, State

KEEP, VERIFY = "dump-first", "verify"  # what a person asked for, in ``Operation.accepted``

_UNTOUCHED: Mapping[Event, State] = MappingProxyType(
    {Event.REFUSED: State.ABORTED, Event.CANCEL: State.CANCELLED, Event.EXPIRED: State.ABORTED}
)

UPLOAD: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        State.PREFLIGHT: {**_UNTOUCHED, Event.WAIT: State.PREFLIGHT, Event.PASSED: State.CAPTURE},
        State.CAPTURE: {**_UNTOUCHED, Event.WAIT: State.CAPTURE, Event.PASSED: State.SWAP},
        State.SWAP: {
            **_UNTOUCHED,
            Event.NOT_SENT: State.SWAP,
            Event.GOOD: State.SUCCEEDED,  # the instance said so, after the last byte
            Event.SENT: State.PROVE,  # it may have arrived: nobody said
            Event.LOST: State.FAILED,  # it was broken off in the middle
        },
        State.PROVE: {
            Event.WAIT: State.PROVE,
            Event.GOOD: State.SUCCEEDED,
            Event.UNTOUCHED: State.ABORTED,  # the very bytes that were there before
            Event.BAD: State.FAILED,
            Event.EXPIRED: State.FAILED,
        },
    }
)
DOWNLOAD: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        State.PREFLIGHT: {**_UNTOUCHED, Event.WAIT: State.PREFLIGHT, Event.PASSED: State.FETCH},
        State.FETCH: {**_UNTOUCHED, Event.WAIT: State.FETCH, Event.GOOD: State.SUCCEEDED},
    }
)
TABLES: Mapping[Kind, Mapping[State, Mapping[Event, State]]] = MappingProxyType(
    {Kind.BLOCK_UPLOAD: UPLOAD, Kind.BLOCK_DOWNLOAD: DOWNLOAD}
)


def follow(kind: Kind, state: State, event: Event) -> State:
    """The state that follows; ``IllegalEvent`` when *event* cannot happen there."""
    try:
        return TABLES[kind][state][event]
    except KeyError:
        raise IllegalEvent(f"{event} cannot happen in {state} of a {kind}") from None
