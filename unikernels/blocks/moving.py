"""The steps of a block transfer: each does at most one effect, and tells what it found."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import BinaryIO, cast

from accounts.actors import SYSTEM
from albatross.client import Client, Fetched
from albatross.edge import client_for
from albatross.errors import AlbatrossError, CommandError, RequestRefused
from albatross.messages import BlockState, Policy
from albatross.names import Name
from mollymawk.errors import ApplicationError
from unikernels.blocks import store
from unikernels.blocks.files import keep, operation_file, row_of
from unikernels.blocks.machine import KEEP, VERIFY
from unikernels.blocks.models import MIB
from unikernels.blocks.packing import PIECE
from unikernels.blocks.services import needed_by
from unikernels.models import Block, BlockFile, Operation
from unikernels.operations.facts import Memo
from unikernels.operations.judge import Timings, backoff
from unikernels.operations.lease import CancelAsked, DeadlinePassed, Lease
from unikernels.operations.machine import Event, Kind, State
from unikernels.operations.sending import MAX_TRIES, words
from unikernels.operations.work import Outcome
from unikernels.quotas.services import policies_for

PROGRESS_EVERY = 1.0  # seconds between two writes of how far it is
LEVEL = 1  # of zlib, for the way from the instance: cheap for the host, and devices are mostly zeros

CHANGED = "The content of {block} is changed: it is a part of the new one, then zeros."


class Damaged(Exception):
    """The stored bytes are not those that were taken in."""


class Transfer:
    """One pass over a transfer: the row as read under the lease, and the way to the instance."""

    def __init__(self, operation: Operation, lease: Lease, timings: Timings, now: float) -> None:
        self.operation = operation
        self.lease = lease
        self.timings = timings
        self.now = now
        self.memo = Memo.from_json(operation.memo)

    @property
    def state(self) -> State:
        return State(self.operation.state)

    @property
    def kind(self) -> Kind:
        return Kind(self.operation.kind)

    @property
    def name(self) -> Name:
        return Name.parse(self.operation.block_name)

    @cached_property
    def client(self) -> Client:
        """The way to the instance; while it makes us wait, the lease is renewed."""
        return client_for(self.operation.on).guarded(self.lease.guard)

    def progress(self, moved: int, *, size: int) -> None:
        """Write how far it is, now and then."""
        if time.monotonic() - self._told < PROGRESS_EVERY:
            return
        self._told = time.monotonic()
        self.memo = replace(self.memo, fetched=moved, fetch_size=size)
        self.lease.write(memo=self.memo.to_json())

    _told = 0.0

    def changed(self) -> str:
        """What a write that was broken off means, and where the old content is."""
        kept = row_of(self.memo.dump)
        where = f" The old content is kept: {kept.name}." if kept else " The old content was not kept."
        return CHANGED.format(block=self.operation.block_name) + where


def preflight(work: Transfer) -> Outcome:
    """Is the device there, free, and of the size that was promised?"""
    try:
        seen = work.client.block(work.name, policy=_policies(work))
    except (AlbatrossError, ApplicationError) as error:
        return _not_reached(work, error)
    if refusal := _refusal(work, seen):
        return Outcome(Event.REFUSED, work.memo, refusal)
    return Outcome(Event.PASSED, replace(work.memo, tries=0))


def _refusal(work: Transfer, seen: BlockState | None) -> str:
    block, file = work.operation.block, operation_file(work.operation)
    if block is None or seen is None:
        return f"There is no block device {work.name} on the instance."
    if seen.active:
        return f"{work.name} is in use by a running unikernel."
    if other := needed_by(block, but=work.operation):
        return f"Another operation needs it: {other}."
    if work.kind is Kind.BLOCK_UPLOAD and (file is None or file.size > seen.size * MIB):
        return "The file is gone, or larger than the device."
    return ""


def capture(work: Transfer) -> Outcome:
    """Keep the old content, if that was asked for; without it nothing is written."""
    if KEEP not in work.operation.accepted or work.memo.dump is not None:
        return Outcome(Event.PASSED, work.memo)
    outcome = _read(work, "before")
    if not isinstance(outcome, BlockFile):
        return outcome
    memo = replace(work.memo, dump=outcome.pk, fetched=0, tries=0)
    return Outcome(Event.PASSED, memo, f"The old content is kept: {outcome.name}.")


def fetch(work: Transfer) -> Outcome:
    """The content of the device into a file of ours."""
    outcome = _read(work, "content")
    if not isinstance(outcome, BlockFile):
        return outcome
    return Outcome(Event.GOOD, replace(work.memo, file=outcome.pk, fetched=outcome.size, tries=0))


# What ends a write before its first byte without being the instance's doing.
_STOPPED: Mapping[type[Exception], tuple[Event, str]] = {
    FileNotFoundError: (Event.REFUSED, "The bytes of the file are not there any more: send it again."),
    Damaged: (Event.REFUSED, "The stored file is damaged: send it again."),
    DeadlinePassed: (Event.EXPIRED, "The time for it ran out."),
}


def send(work: Transfer) -> Outcome:
    """Write the file to the device. Armed before the first byte; what breaks after it changed something."""
    work.lease.cancellable = True
    try:
        memo = replace(work.memo, fetched=_written(work), tries=0)
    except tuple(_STOPPED) as stop:
        event, reason = _STOPPED[type(stop)]
        return Outcome(event, work.memo, reason)
    except CancelAsked:
        return _cancelled(work)
    except (AlbatrossError, ApplicationError) as error:
        return _broken(work, error)
    if VERIFY in work.operation.accepted:
        return Outcome(Event.SENT, memo, "Written; now it is read again.")
    return Outcome(Event.GOOD, memo)


def _written(work: Transfer) -> int:
    """The bytes of the file, once the instance said that it has them all."""
    file = operation_file(work.operation)
    if file is None:
        raise FileNotFoundError
    with store.path_of(file.key).open("rb") as data:
        if _sha256(data, work.lease.guard) != file.sha256:
            raise Damaged
        policies = _policies(work)
        work.lease.arm(work.memo.to_json())
        work.client.block_set(
            work.name,
            data,
            size=file.size,
            policy=policies,
            on_progress=lambda moved: work.progress(moved, size=file.size),
        )
    return file.size


def prove(work: Transfer) -> Outcome:
    """Read the device and compare: with what was to be written, and with what was there before."""
    file = operation_file(work.operation)
    digest = hashlib.sha256()
    try:
        found = work.client.block_dump(
            work.name, cast("BinaryIO", _Sink(digest.update)), level=LEVEL, policy=_policies(work)
        )
    except RequestRefused as error:
        return Outcome(
            Event.BAD, work.memo, f"It cannot be read again ({error}), so what is on it is not known."
        )
    except (AlbatrossError, ApplicationError) as error:
        memo = replace(work.memo, tries=work.memo.tries + 1)
        return Outcome(Event.WAIT, memo, words(error), backoff(memo.tries, work.timings))
    return _compared(work, file, found)


def _compared(work: Transfer, file: BlockFile | None, found: Fetched) -> Outcome:
    seen = found.digest.hex()
    if file is not None and seen == _padded(file, found.size, work.lease.guard):
        return Outcome(Event.GOOD, work.memo, "It was read again: byte for byte as it should be.")
    kept = row_of(work.memo.dump)
    if kept is not None and seen == kept.sha256:
        return Outcome(Event.UNTOUCHED, work.memo, "It was read again: the old content is there, unchanged.")
    return Outcome(Event.BAD, work.memo, f"It was read again, and is not what was sent. {work.changed()}")


STEPS: Mapping[Kind, Mapping[State, Callable[[Transfer], Outcome]]] = {
    Kind.BLOCK_UPLOAD: {
        State.PREFLIGHT: preflight,
        State.CAPTURE: capture,
        State.SWAP: send,
        State.PROVE: prove,
    },
    Kind.BLOCK_DOWNLOAD: {State.PREFLIGHT: preflight, State.FETCH: fetch},
}


# --- what can go wrong -------------------------------------------------------------------------------


def _not_reached(work: Transfer, error: Exception) -> Outcome:
    """Nothing was touched: a few tries where another may help."""
    memo = replace(work.memo, tries=work.memo.tries + 1)
    if not isinstance(error, CommandError) or memo.tries >= MAX_TRIES:
        return Outcome(Event.REFUSED, memo, words(error))
    event = Event.NOT_SENT if work.state is State.SWAP else Event.WAIT
    return Outcome(event, memo, words(error), backoff(memo.tries, work.timings))


def _cancelled(work: Transfer) -> Outcome:
    if work.memo.fetched == 0 and not _armed(work):
        return Outcome(Event.CANCEL, work.memo, "It was cancelled.")
    return Outcome(Event.LOST, work.memo, f"It was cancelled while it was written. {work.changed()}")


def _broken(work: Transfer, error: Exception) -> Outcome:
    """Before the first byte it had no effect, and we know it. After it, only reading the device can tell."""
    untouched = not isinstance(error, CommandError) or error.outcome_known
    if untouched:
        return _not_reached(work, error)
    return Outcome(Event.SENT, work.memo, f"The write was broken off: {words(error)}")


def _armed(work: Transfer) -> bool:
    return Operation.objects.filter(pk=work.operation.pk, armed_at__isnull=False).exists()


# --- bytes -------------------------------------------------------------------------------------------


def _policies(work: Transfer) -> tuple[Policy, ...]:
    return policies_for(work.operation.on, work.name.path)


def _read(work: Transfer, what: str) -> BlockFile | Outcome:
    """The content of the device as a file of the team; or why not."""
    block, team = work.operation.block, work.operation.team
    if block is None or team is None:
        return Outcome(Event.REFUSED, work.memo, "The block device is gone.")
    work.lease.cancellable = True
    key = uuid.uuid4()
    try:
        with store.staged(key) as file:
            found = _dump(work, block, file)
    except CancelAsked:
        return Outcome(Event.CANCEL, work.memo, "It was cancelled.")
    except (AlbatrossError, ApplicationError) as error:
        return _not_reached(work, error)
    row = BlockFile(
        key=key,
        team=team,
        block=block,
        source=BlockFile.Source.DUMPED,
        name=f"{block.name}-{what}-{work.operation.pk}.img",
        by=work.operation.requested_by,
    )
    return keep(row, actor=SYSTEM, size=found.size, sha256=found.digest.hex())


def _dump(work: Transfer, block: Block, file: BinaryIO) -> Fetched:
    size = block.capacity
    sink = _Sink(file.write, lambda moved: work.progress(moved, size=size))
    return work.client.block_dump(work.name, cast("BinaryIO", sink), level=LEVEL, policy=_policies(work))


class _Sink:
    """Takes what is written, and tells how much it was."""

    def __init__(self, take: Callable[[bytes], object], moved: Callable[[int], None] | None = None) -> None:
        self._take = take
        self._moved = moved
        self._total = 0

    def write(self, data: bytes) -> int:
        self._take(data)
        self._total += len(data)
        if self._moved:
            self._moved(self._total)
        return len(data)


def _sha256(data: BinaryIO, guard: Callable[[], float]) -> str:
    digest = hashlib.sha256()
    while piece := data.read(16 * PIECE):
        guard()
        digest.update(piece)
    data.seek(0)
    return digest.hexdigest()


def _padded(file: BlockFile, size: int, guard: Callable[[], float]) -> str:
    """The SHA-256 of a device of *size* bytes with the content of *file*, the rest zeros."""
    digest, left = hashlib.sha256(), size
    try:
        with store.path_of(file.key).open("rb") as data:
            while piece := data.read(16 * PIECE):
                guard()
                digest.update(piece)
                left -= len(piece)
    except FileNotFoundError:
        return ""
    while left > 0:
        digest.update(bytes(min(left, 16 * PIECE)))
        left -= 16 * PIECE
    return digest.hexdigest()
