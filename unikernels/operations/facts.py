"""What an operation remembers between steps: small frozen values, and their JSON form (pure).

The memo is rewritten whole in the row at each step; times are seconds since 1970 on our clock.
``started`` is the instance's clock and only ever compared for equality.
"""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

MAX_LOOKS = 16  # the last two decide most; that nothing was touched takes ten seconds of them
MAX_ROUNDS = 64  # of checks; with the usual waits a proof has at most 28


class Sight(enum.StrEnum):
    """What one look at the instance showed under the unikernel's name."""

    TARGET = "target"
    BEFORE = "before"  # what ran before this leg, its process unchanged
    STALE = "stale"  # something of ours, but neither the target nor untouched: it may still change
    OTHER = "other"  # an image that this operation knows nothing of
    NOTHING = "nothing"
    DARK = "dark"  # the instance could not be asked


class Answer(enum.StrEnum):
    """What the instance said to the last send."""

    DONE = "done"  # "created unikernel", "destroyed unikernel"
    FAILURE = "failure"  # a failure text of the daemon
    UNCLEAR = "unclear"  # no answer, or one that only says that a connection broke


@dataclass(frozen=True, slots=True)
class Look:
    """One look: when it was answered, what it showed, and the process that was seen.

    It shows a moment while the answer was waited for: between ``asked`` and ``at``.
    """

    at: float
    sight: Sight
    started: int | None = None
    digest: str = ""
    differs: tuple[str, ...] = ()  # the fields in which it is not the target
    took: float = 0.0  # seconds until the answer

    @property
    def asked(self) -> float:
        """When it was asked: what it shows is not older (unless the instance's list is behind)."""
        return self.at - self.took


class Health(enum.StrEnum):
    """What one round of all checks of a unikernel said. The values are those of a check's outcome."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"  # we could not ask: it says nothing


@dataclass(frozen=True, slots=True)
class Round:
    """One round of the checks: when it began, and what it said."""

    at: float
    health: Health
    text: str = ""


@dataclass(frozen=True, slots=True)
class Memo:
    """Everything that a step may need from the steps before it. Reset, in parts, when going back."""

    before: Look | None = None  # what ran when this leg's preflight looked
    sends: int = 0
    sent_at: float = 0.0
    answer: Answer | None = None
    answer_text: str = ""
    looks: tuple[Look, ...] = ()  # since the last send or the start of proving, oldest first
    proving_since: float = 0.0
    up_since: float = 0.0
    up_started: int | None = None
    restarts: int = 0
    asks: bool = False  # it has checks: the proof is that it answers
    rounds: tuple[Round, ...] = ()  # of checks, while proving, oldest first
    fetched: int = 0  # bytes of the download (or of a block transfer) that were moved
    fetch_size: int = 0  # bytes it will have, as far as it is known
    file: int | None = None  # of a block transfer: the file that is sent, or that was read
    dump: int | None = None  # the file that holds the old content
    tries: int = 0  # in a row, of a step that could not reach the instance
    console_mark: int | None = None  # ms, newest console line before the swap
    note: str = ""  # what is being waited for, in words
    cause: str = ""  # why the operation goes back
    ended_in: str = ""  # the state in which it ended
    console: tuple[str, ...] = ()  # the last lines, when something failed

    def for_way_back(self, cause: str) -> Self:
        """A fresh start for the way back; only why, and what the console said, is kept."""
        return replace(type(self)(), cause=cause, console=self.console, asks=self.asks)

    def saw(self, look: Look) -> Self:
        """With one more look."""
        return replace(self, looks=(*self.looks, look)[-MAX_LOOKS:])

    def heard(self, found: Round) -> Self:
        """With one more round of checks."""
        return replace(self, rounds=(*self.rounds, found)[-MAX_ROUNDS:])

    def to_json(self) -> dict[str, Any]:
        """The form for the row."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read the row's form."""
        values = dict(data)
        if values.get("before"):
            values["before"] = _look(values["before"])
        if values.get("answer"):
            values["answer"] = Answer(values["answer"])
        values["looks"] = tuple(_look(look) for look in values.get("looks", ()))
        values["rounds"] = tuple(
            Round(each["at"], Health(each["health"]), each["text"]) for each in values.get("rounds", ())
        )
        values["console"] = tuple(values.get("console", ()))
        return cls(**values)


def _look(data: dict[str, Any]) -> Look:
    return Look(
        data["at"],
        Sight(data["sight"]),
        data["started"],
        data["digest"],
        tuple(data["differs"]),
        data.get("took", 0.0),  # rows of older versions have none
    )
