"""Reading the console of a unikernel. Whoever calls has checked that its reader may see it."""

from __future__ import annotations

import time

from mollymawk.errors import Unavailable
from unikernels.consoles import streams
from unikernels.consoles.streams import Line, want
from unikernels.models import Unikernel
from unikernels.redis import RedisError

__all__ = ["MAX_LINES", "Line", "history", "want"]

MAX_LINES = streams.MAX_ENTRIES
PATIENCE = 1.5  # seconds for a watcher to begin; it looks four times a second
LOOK_GAP = 0.03


def history(unikernel: Unikernel, count: int) -> list[Line]:
    """The newest *count* lines of the console, oldest first.

    When nobody looked lately, a watcher first has to read it: that is waited for a moment, and then
    there is what there is. Raises ``Unavailable`` when Redis cannot be reached.
    """
    try:
        want(unikernel.pk)
        end = time.monotonic() + PATIENCE
        while not streams.has_state(unikernel.pk) and time.monotonic() < end:
            time.sleep(LOOK_GAP)
        return streams.newest(unikernel.pk, min(count, MAX_LINES))
    except RedisError as error:
        raise Unavailable("Consoles cannot be read now: the broker does not answer.") from error
