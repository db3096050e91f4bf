"""Reading the console of a unikernel. Whoever calls has checked that its reader may see it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

from mollymawk.errors import Unavailable
from unikernels.consoles import streams
from unikernels.consoles.streams import Line, want
from unikernels.models import Unikernel
from unikernels.redis import RedisError

__all__ = ["MAX_LINES", "Line", "around", "follow", "followed", "history", "matching", "want"]

MAX_LINES = streams.MAX_ENTRIES
PATIENCE = 1.5  # seconds for a watcher to begin; it looks four times a second
LOOK_GAP = 0.03
BEFORE = 200  # lines that are shown before one that is linked to
LISTEN = 10.0  # seconds that Redis is listened to at a time; well below the life of a look
_IDENTIFIER = re.compile(r"[0-9]{1,19}-[0-9]{1,19}", re.ASCII)
_AWAY = "Consoles cannot be read now: the broker does not answer."


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
        raise Unavailable(_AWAY) from error


def around(unikernel: Unikernel, identifier: str) -> list[Line]:
    """The line *identifier* with some before it and all after it, oldest first; empty when it is not kept.

    Raises ``Unavailable``.
    """
    if not _IDENTIFIER.fullmatch(identifier):
        return []
    try:
        want(unikernel.pk)
        return streams.around(unikernel.pk, identifier, BEFORE)
    except RedisError as error:
        raise Unavailable(_AWAY) from error


def matching(lines: Iterable[Line], words: str) -> list[Line]:
    """Those of *lines* in which *words* stand, in capitals or not."""
    wanted = words.casefold()
    return [line for line in lines if wanted in line.text.casefold()]


def follow(unikernel: Unikernel, after: str) -> Iterator[Line | None]:
    """The lines after the one with the id *after* as they come, and None when there was none for a while.

    ``0-0`` is before the first. Does not end by itself; raises ``Unavailable``.
    """
    try:
        while True:
            want(unikernel.pk)
            lines = streams.newer(unikernel.pk, after, LISTEN)
            for line in lines:
                after = line.id
                yield line
            if not lines:
                yield None
    except RedisError as error:
        raise Unavailable(_AWAY) from error


def followed(unikernel: Unikernel) -> bool:
    """Whether a watcher has this console in hand. Raises ``Unavailable``."""
    try:
        return streams.has_state(unikernel.pk)
    except RedisError as error:
        raise Unavailable(_AWAY) from error
