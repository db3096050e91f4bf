"""What happened on a simulated instance, for tests to count."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from albatross.names import Name

MAX_RECORDS = 20_000  # the oldest are forgotten


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened, at ``time`` (monotonic seconds of this machine).

    ``what`` is ``arrived`` (a command; ``command`` names it), ``answered`` (``detail``: the text or
    kind of the answer, whether or not it reached the client), ``rejected`` (a chain; ``detail``: why),
    ``policy`` (set for the path ``name``), ``killed`` (SIGTERM sent), ``exited`` (``detail``: the code
    or signal), ``started`` (``detail``: digest in hex), ``added``, ``removed``, ``written`` (blocks),
    or ``fault`` (``detail``: its kind).
    """

    time: float
    what: str
    name: str
    command: str = ""
    detail: str = ""


class Journal:
    """Records in their order. Safe to read from any thread."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque(maxlen=MAX_RECORDS)
        self._changed = threading.Condition()

    def add(self, what: str, name: Name, *, command: str = "", detail: str = "") -> None:
        with self._changed:
            self._records.append(Record(time.monotonic(), what, str(name), command, detail))
            self._changed.notify_all()

    def records(
        self, what: str | None = None, *, name: str | None = None, command: str | None = None
    ) -> list[Record]:
        """Those that match everything given, oldest first."""
        with self._changed:
            return self._matching(what, name, command)

    def _matching(self, what: str | None, name: str | None, command: str | None) -> list[Record]:
        return [
            record
            for record in self._records
            if what in (None, record.what)
            and name in (None, record.name)
            and command in (None, record.command)
        ]

    def wait(
        self,
        what: str,
        *,
        name: str | None = None,
        command: str | None = None,
        count: int = 1,
        timeout: float = 10,
    ) -> list[Record]:
        """Wait until *count* records match and give them; ``TimeoutError`` after *timeout* seconds."""
        enough: Callable[[], bool] = lambda: len(self._matching(what, name, command)) >= count  # noqa: E731
        with self._changed:
            if not self._changed.wait_for(enough, timeout):
                seen = ", ".join(f"{r.what} {r.name}" for r in self._records)
                raise TimeoutError(f"not {count} times {what!r} for {name or 'any'}; seen: {seen}")
            return self._matching(what, name, command)

    def clear(self) -> None:
        with self._changed:
            self._records.clear()
