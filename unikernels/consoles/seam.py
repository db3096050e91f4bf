"""Where what was written meets what an instance tells again after a new connection (pure).

A console is read again from the time of the last line on, that time included: many lines may carry
the same. What was written already is told once more and has to be recognised.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

REMEMBERED = 1024  # lines; as many as an instance keeps, so it cannot tell an older one again

Entry = tuple[int, str]


class Seam:
    """Remembers the newest lines (ms since 1970, text) and knows which ones come again."""

    def __init__(self, written: Iterable[Entry] = ()) -> None:
        self._written: deque[Entry] = deque(written, maxlen=REMEMBERED)
        self._again: Counter[Entry] = Counter()
        self._first = False  # whether the next line is the first after what was written

    def begin(self) -> int | None:
        """A new connection: the time to read from; None: nothing was written yet, so read all."""
        if not self._written:
            return None
        self._first = True
        since = self._written[-1][0]
        self._again = Counter(entry for entry in self._written if entry[0] >= since)
        return since

    def gap(self, entry: Entry) -> bool:
        """Whether *entry*, the next to be read, comes where the instance has forgotten what was written last,
        and perhaps more after it. To be asked before ``fresh``.
        """
        first, self._first = self._first, False
        return first and not self._again[entry]

    def fresh(self, entry: Entry) -> bool:
        """Whether *entry*, just read, is to be written (it is then remembered) or was written before."""
        if self._again[entry] > 0:
            self._again[entry] -= 1
            return False
        self._written.append(entry)
        return True
