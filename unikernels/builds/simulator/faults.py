"""What can be made to go wrong, on demand: kind, where, and how often.

=================  ================================================================================
``not_found``      404, as for what is not there
``error``          500 with a line of text          ``exception``  500 with HTML
``close``          the connection is closed without an answer
``cut``            the connection ends in the middle of the body (after ``after`` bytes, else half)
``slow``           ``seconds`` pass before the answer
``drip``           the body comes a few bytes at a time, every ``seconds``
``wrong_hash``     the ETag is that of other bytes
``corrupt``        a byte of the body is another one; the ETag is right
``wrong_length``   Content-Length states 7 bytes more
``short_length``   Content-Length states 7 bytes fewer
``length_only``    no chunks, as behind some proxies; with ``cut`` the length says what is missing
``no_etag``        no ETag                          ``quoted_etag``  as proxies write it
``not_elf``        the binary is a text, and its ETag is right
``elsewhere``      redirect to ``text`` (another server)
``loop``           redirect to itself
``garbage``        ``text``, said to be JSON        ``html``       200 with HTML instead of JSON
``endless``        a body that does not end
=================  ================================================================================
"""

from __future__ import annotations

import enum
import fnmatch
import threading
from dataclasses import asdict, dataclass, replace
from typing import Any


class Kind(enum.StrEnum):
    """See the table above."""

    NOT_FOUND = "not_found"
    ERROR = "error"
    EXCEPTION = "exception"
    CLOSE = "close"
    CUT = "cut"
    SLOW = "slow"
    DRIP = "drip"
    WRONG_HASH = "wrong_hash"
    CORRUPT = "corrupt"
    WRONG_LENGTH = "wrong_length"
    SHORT_LENGTH = "short_length"
    LENGTH_ONLY = "length_only"
    NO_ETAG = "no_etag"
    QUOTED_ETAG = "quoted_etag"
    NOT_ELF = "not_elf"
    ELSEWHERE = "elsewhere"
    LOOP = "loop"
    GARBAGE = "garbage"
    HTML = "html"
    ENDLESS = "endless"


@dataclass(frozen=True, slots=True)
class Fault:
    """``path`` is a pattern for the path (``/hash*``, ``*/f/bin/*``); ``times`` None: until it is cleared."""

    kind: Kind
    path: str = "*"
    times: int | None = 1
    seconds: float = 1.0
    after: int | None = None
    text: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", Kind(self.kind))


class Faults:
    """Those that are due. One request may meet several of different kinds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: list[Fault] = []

    def add(self, kind: Kind | str, path: str = "*", **words: Any) -> None:
        """Let *kind* strike; words are those of ``Fault``."""
        fault = Fault(Kind(kind), path, **words)
        with self._lock:
            self._due.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._due.clear()

    def as_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._due]

    def strike(self, path: str) -> dict[Kind, Fault]:
        """The faults that this request meets, used up by one."""
        with self._lock:
            met: dict[Kind, Fault] = {}
            left = []
            for fault in self._due:
                if fault.kind in met or not fnmatch.fnmatchcase(path, fault.path):
                    left.append(fault)
                    continue
                met[fault.kind] = fault
                if fault.times is None:
                    left.append(fault)
                elif fault.times > 1:
                    left.append(replace(fault, times=fault.times - 1))
            self._due = left
            return met
