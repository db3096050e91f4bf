"""Consoles in Redis: who wants to look, whether somebody follows, and the newest lines.

=====================  ==============================================================================
``console:want:<id>``  somebody looks at this unikernel's console; ends 30 s after the last look
``console:state:<id>`` a watcher has told all there was (``following``), or cannot (``broken``)
``console:<id>``       a stream with one field, ``line``: JSON ``{"ts", "text"}``, ``ts`` in ms since
                       1970 by the instance's clock; or ``{"ts", "notice"}``: words of ours, our clock;
                       with ``"gap": true`` they say that lines are missing here
=====================  ==============================================================================

All of it may be lost at any time: the instance has its lines, and browsers ask again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from albatross.messages import Timestamp
from unikernels.redis import connection

WANT_SECONDS = 30
STATE_SECONDS = 30  # a watcher renews it more often; after its end nobody believes it for longer
MAX_ENTRIES = 5000  # of a stream, five rings of an instance; under 1 MB
KEEP_SECONDS = 24 * 3600  # after the last line; later the instance is asked anew
SCAN_COUNT = 1000  # keys that Redis looks at for one answer

FOLLOWING, BROKEN = "following", "broken"

_WANT = "console:want:"
_GAP = "Lines may be missing here: nobody followed, and the instance keeps only the newest."

Fields = dict[bytes, bytes]
Entry = tuple[bytes, Fields]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a console, harmless to show; ``id`` is its place in the stream.

    ``notice``: not of the unikernel, but of ours about the console; ``gap``: that lines are missing there.
    """

    id: str
    milliseconds: int
    text: str
    notice: bool = False
    gap: bool = False

    @property
    def at(self) -> datetime:
        """When it was printed, by the instance's clock."""
        return Timestamp(self.milliseconds).to_datetime()


def stream_key(unikernel: int) -> str:
    """Where the lines of a unikernel are."""
    return f"console:{unikernel}"


def want_key(unikernel: int) -> str:
    """What says that somebody looks."""
    return f"{_WANT}{unikernel}"


def state_key(unikernel: int) -> str:
    """What says whether somebody follows."""
    return f"console:state:{unikernel}"


# --- the side that looks -----------------------------------------------------------------------------


def want(unikernel: int) -> None:
    """Say that somebody looks at this console for the next 30 s."""
    connection().set(want_key(unikernel), 1, ex=WANT_SECONDS)


def has_state(unikernel: int) -> bool:
    """Whether a watcher has told all it could so far."""
    return bool(connection().exists(state_key(unikernel)))


def newest(unikernel: int, count: int) -> list[Line]:
    """The newest *count* lines and notices, oldest first."""
    entries = cast("list[Entry]", connection().xrevrange(stream_key(unikernel), count=count))
    return [read_entry(entry) for entry in reversed(entries)]


def around(unikernel: int, identifier: str, before: int) -> list[Line]:
    """The line *identifier*, up to *before* lines before it, and all after it; empty when it is not kept."""
    key, redis = stream_key(unikernel), connection()
    older = cast("list[Entry]", redis.xrevrange(key, max=identifier, count=before + 1))
    if not older or older[0][0].decode() != identifier:
        return []
    younger = cast("list[Entry]", redis.xrange(key, min=f"({identifier}"))
    return [read_entry(entry) for entry in (*reversed(older), *younger)]


def newer(unikernel: int, after: str, wait: float) -> list[Line]:
    """The lines after the id *after*; none when none came within *wait* seconds."""
    key = stream_key(unikernel)
    answer = cast("list[Any]", connection().xread({key: after}, block=int(wait * 1000)))
    return [read_entry(entry) for entry in answer[0][1]] if answer else []


def read_entry(entry: Entry) -> Line:
    """The line in an entry of the stream."""
    data: dict[str, Any] = json.loads(entry[1][b"line"])
    notice = "notice" in data
    text = data["notice" if notice else "text"]
    return Line(entry[0].decode(), data["ts"], text, notice, gap="gap" in data)


# --- the side that follows ---------------------------------------------------------------------------


def wanted() -> set[int]:
    """The unikernels whose console somebody looks at."""
    keys = cast("Iterable[bytes]", connection().scan_iter(f"{_WANT}*", count=SCAN_COUNT))
    return {int(key.removeprefix(_WANT.encode())) for key in keys}


def append(unikernel: int, lines: Iterable[tuple[int, str]]) -> None:
    """Add lines (ms since 1970, harmless text) at the end."""
    _add(unikernel, [{"ts": milliseconds, "text": text} for milliseconds, text in lines])


def append_notice(unikernel: int, at: datetime, text: str) -> None:
    """Tell those who look something about the console."""
    _add(unikernel, [{"ts": Timestamp.from_datetime(at).milliseconds, "notice": text}])


def append_gap(unikernel: int, at: datetime) -> None:
    """Tell those who look that lines between what came before and what comes next may be missing."""
    at_ms = Timestamp.from_datetime(at).milliseconds
    _add(unikernel, [{"ts": at_ms, "notice": _GAP, "gap": True}])


def set_state(unikernel: int, state: str) -> None:
    """Say that somebody follows, or cannot; believed for 30 s."""
    connection().set(state_key(unikernel), state, ex=STATE_SECONDS)


def clear_state(unikernel: int) -> None:
    """Nobody follows any more."""
    connection().delete(state_key(unikernel))


def _add(unikernel: int, entries: list[dict[str, Any]]) -> None:
    key = stream_key(unikernel)
    with connection().pipeline(transaction=False) as pipeline:
        for entry in entries:
            line = json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
            pipeline.xadd(key, {"line": line}, maxlen=MAX_ENTRIES, approximate=True)
        pipeline.expire(key, KEEP_SECONDS)
        pipeline.execute()
