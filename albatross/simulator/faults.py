"""Things that go wrong on demand, to see what a client makes of them."""

from __future__ import annotations

import enum
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from albatross.messages import Command


class Kind(enum.StrEnum):
    """What goes wrong. The first four come before a command is known, or before it has an effect."""

    UNREACHABLE = "unreachable"  # nothing listens until it is cleared (``times`` means nothing)
    REFUSE = "refuse"  # connections are reset in the handshake
    WRONG_CERTIFICATE = "wrong_certificate"  # the server shows a certificate of another CA
    BREAK_STREAM = "break_stream"  # reset once ``after`` bytes of an image or block stream have come

    CLOSE_BEFORE = "close_before"  # closed without an answer; nothing is done
    HANG = "hang"  # never answered; nothing is done
    FAIL = "fail"  # the failure ``text``; nothing is done

    CREATE_FAILS = "create_fails"  # the failure ``text``, after the old one was killed
    SLOW_EXIT = "slow_exit"  # what is killed takes ``seconds`` more to end (``inf``: never ends)
    LINGERS = "lingers"  # info tells of the one that ran before
    STARTED_CHANGES = "started_changes"  # info tells another start each time
    WRONG_DIGEST = "wrong_digest"  # info tells another digest

    DELAY = "delay"  # the answer comes ``seconds`` late
    CLOSE_AFTER = "close_after"  # done, and closed without an answer
    HANG_AFTER = "hang_after"  # done, and never answered
    FAIL_AFTER = "fail_after"  # done, and answered with the failure ``text``
    TRUNCATE = "truncate"  # done, and half of the answer's frame is sent
    GARBAGE = "garbage"  # done, and a frame of nonsense is sent
    OVERSIZE = "oversize"  # done, and a frame of nearly 2 GiB is announced
    UNKNOWN_ALTERNATIVE = "unknown_alternative"  # done, and answered in a way of a later version


BEFORE_THE_COMMAND = frozenset({Kind.UNREACHABLE, Kind.REFUSE, Kind.WRONG_CERTIFICATE})
DEFAULT_TEXT = "could not create unikernel: console failed"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to go wrong ``times`` times (None: until it is cleared).

    ``command`` and ``name`` say for which commands, as shell patterns: ``unikernel_*create``
    (``kind_of`` tells how commands are called), ``alice:*``. The faults in ``BEFORE_THE_COMMAND``
    strike before either is known.
    """

    kind: Kind
    command: str = "*"
    name: str = "*"
    times: int | None = 1
    seconds: float = 0
    text: str = DEFAULT_TEXT
    after: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", Kind(self.kind))
        if self.kind in BEFORE_THE_COMMAND and (self.command, self.name) != ("*", "*"):
            raise ValueError(f"{self.kind} strikes before command and name are known")

    def strikes(self, command: str, name: str) -> bool:
        return fnmatchcase(command, self.command) and fnmatchcase(name, self.name)


class Faults:
    """Those that are due. Safe to use from any thread; *changed* is called after each change."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._due: list[tuple[Fault, int | None]] = []
        self._lock = threading.Lock()
        self.changed = changed

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._due.append((fault, fault.times))
        self.changed()

    def clear(self) -> None:
        with self._lock:
            self._due.clear()
        self.changed()

    def due(self) -> list[tuple[Fault, int | None]]:
        """Faults and how often each may still strike."""
        with self._lock:
            return list(self._due)

    def take(self, kind: Kind, command: str = "", name: str = "") -> Fault | None:
        """The first fault of *kind* for this command and name, which counts as having struck."""
        with self._lock:
            for index, (fault, left) in enumerate(self._due):
                if fault.kind is kind and fault.strikes(command, name):
                    if left is not None:
                        self._due[index] = (fault, left - 1)
                        if left <= 1:
                            del self._due[index]
                    return fault
        return None


def kind_of(command: Command) -> str:
    """How a command is called here: ``unikernel_force_create``, ``block_set``, ``console_subscribe``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(command).__name__).lower()
