"""The commit point: one send to the instance, armed in the row right before it counts.

What breaks before the arming had no effect, and we know it. From the arming on, the answer and what
the instance shows decide together (``judge``).
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import BinaryIO, cast

from albatross.errors import AlbatrossError, CommandError, Failure
from albatross.messages import Policy
from mollymawk.errors import ApplicationError
from unikernels.images.store import path_of
from unikernels.instances.troubles import sentence
from unikernels.operations.facts import Answer, Memo, Sight
from unikernels.operations.judge import backoff
from unikernels.operations.lease import CancelAsked, DeadlinePassed
from unikernels.operations.machine import Event, Kind
from unikernels.operations.work import Outcome, Work
from unikernels.operations.world import policies_to_carry

MAX_TRIES = 3  # of a step that cannot reach the instance, while nothing was touched yet
_LOOK_AGAIN = "Unikernel with same name is already running"  # to a create: an earlier send arrived


class BytesChanged(Exception):
    """The stored bytes are not those of the digest any more."""


# What ends a send before its commit point without being the instance's doing.
_STOPPED: Mapping[type[Exception], tuple[Event, str]] = {
    CancelAsked: (Event.CANCEL, "It was cancelled."),
    DeadlinePassed: (Event.EXPIRED, "The time for it ran out."),
    BytesChanged: (Event.REFUSED, "The stored image is damaged: its SHA-256 is not what it was."),
    FileNotFoundError: (Event.REFUSED, "The bytes of the image are not in the store any more."),
}


class ImageStream:
    """The stored image on its way out, hashed as it goes, so that what is sent is what was promised."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self.seek(0)

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        """As of a file. Whoever goes back to the beginning begins to hash anew."""
        self._left, self._hash = self._size, hashlib.sha256()
        return self._file.seek(position, whence)

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self._hash.update(data)
        self._left -= len(data)
        return data

    @property
    def exhausted(self) -> bool:
        """Whether all has been read: what follows is the frame that ends the stream."""
        return self._left <= 0

    def require(self, digest: str) -> None:
        """Raise ``BytesChanged`` unless what was read has this SHA-256."""
        if self._hash.hexdigest() != digest:
            raise BytesChanged


class Send:
    """One send of a leg, first or repeated."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.armed: Memo | None = None

    def run(self) -> Outcome:
        """Do it. Raises ``LeaseLost``; everything else becomes an outcome."""
        work = self.work
        work.lease.cancellable = work.before_commit
        try:
            answer, text = Answer.DONE, self._command()
        except tuple(_STOPPED) as stop:
            event, reason = _STOPPED[type(stop)]
            return Outcome(event, work.memo, reason)
        except (AlbatrossError, ApplicationError) as error:
            if self.armed is None:
                return self._not_sent(error)
            answer, text = _answer(error), words(error)
        return self._sent(answer, text)

    # --- which command ---

    def _command(self) -> str:
        work = self.work
        policies = policies_to_carry(work.client, work.name)
        if work.kind is Kind.DESTROY:
            return self._at_once(work.client.destroy, policies)
        if work.kind is Kind.RESTART and self._something_there():
            return self._at_once(work.client.restart, policies)
        return self._stream(policies)

    def _at_once(self, command: Callable[..., str], policies: tuple[Policy, ...]) -> str:
        """The handshake is the commit point: arm before it."""
        self._arm()
        return command(self.work.name, policy=policies, guard=self.work.lease.guard)

    def _stream(self, policies: tuple[Policy, ...]) -> str:
        work = self.work
        version, configuration = work.wanted, work.configuration
        assert version is not None
        assert configuration is not None
        path = path_of(version.digest)
        size = path.stat().st_size
        with path.open("rb") as file:
            stream = ImageStream(file, size)

            def guard() -> float:
                if stream.exhausted and self.armed is None:
                    stream.require(version.digest)
                    self._arm()
                return work.lease.guard()

            return work.client.create(
                work.name,
                configuration.to_arguments(),
                cast("BinaryIO", stream),
                size=size,
                force=work.kind is not Kind.DEPLOY and self._something_there(),
                policy=policies,
                guard=guard,
            )

    def _something_there(self) -> bool:
        memo = self.work.memo
        seen = [look for look in memo.looks if look.sight is not Sight.DARK]
        return seen[-1].sight is not Sight.NOTHING if seen else memo.before is not None

    # --- what came of it ---

    def _arm(self) -> None:
        work = self.work
        memo = replace(
            work.memo,
            sends=work.memo.sends + 1,
            sent_at=time.time(),  # a stream may have taken minutes
            answer=Answer.UNCLEAR,
            answer_text="",
            looks=(),
            tries=0,
        )
        work.lease.arm(memo.to_json())
        work.lease.cancellable = False
        self.armed = memo

    def _sent(self, answer: Answer, text: str) -> Outcome:
        assert self.armed is not None
        memo = replace(self.armed, answer=answer, answer_text=text)
        return Outcome(Event.SENT, memo, text, wait=0.0)

    def _not_sent(self, error: Exception) -> Outcome:
        """No effect. While nothing was touched we soon give up; going back we try until the deadline."""
        work = self.work
        memo = replace(work.memo, tries=work.memo.tries + 1)
        hopeless = not isinstance(error, CommandError) or given_up(work, memo)
        if work.before_commit and hopeless:
            return Outcome(Event.REFUSED, memo, sentence(error))
        return Outcome(Event.NOT_SENT, memo, sentence(error), wait=backoff(memo.tries, work.timings))


def _answer(error: Exception) -> Answer:
    """A failure text counts only when it tells what the instance did."""
    clear = isinstance(error, Failure) and error.outcome_known and str(error) != _LOOK_AGAIN
    return Answer.FAILURE if clear else Answer.UNCLEAR


def given_up(work: Work, memo: Memo) -> bool:
    """Whether an instance that cannot be reached is not tried again. A rollback waits for it."""
    return work.kind is not Kind.ROLLBACK and memo.tries >= MAX_TRIES


def words(error: Exception) -> str:
    """An error as it stands inside of a sentence, with what to do about it where that is known."""
    return f"{error} {getattr(error, 'hint', '')}".strip()
