"""Asking for block transfers: what is refused at the door, and the row that begins the work."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actors import Actor, require
from accounts.events import record
from accounts.scopes import Scope
from mollymawk.errors import Conflict, Refused
from unikernels.blocks.machine import KEEP, VERIFY
from unikernels.blocks.services import needed_by
from unikernels.blocks.store import path_of
from unikernels.models import Block, BlockFile, Operation
from unikernels.operations import tasks
from unikernels.operations.facts import Memo
from unikernels.operations.machine import FIRST_STATE, Kind
from unikernels.operations.runner import timings


def plan_block_upload(
    *, actor: Actor, block: Block, file: BlockFile, dump_first: bool, verify: bool = False
) -> list[str]:
    """What ``block_upload`` would do, in sentences. Raises what it raises, and changes nothing.

    *file* may be a row that was never kept: its name, team and size are looked at.
    """
    _uploadable(actor, block, file)
    size, room = file.size, block.capacity
    rest = f", and fill the rest of the {block.size:,} MB with zeros" if size < room else ""
    old = f"read the old content of {block} and keep it here for {settings.BLOCK_FILE_DAYS} days"
    return [
        *([old] if dump_first else [f"what is on {block} now is lost: it is not kept"]),
        f"write {size:,} bytes of {file.name} to {block}{rest}; from the first byte on the old content is gone"
        " there, and a transfer that is cut leaves a part of the new one",
        *(["read it again and compare"] if verify else []),
        "transfers begin anew when they are asked for again: the instance cannot go on with half of one",
    ]


def block_upload(
    *, actor: Actor, block: Block, file: BlockFile, dump_first: bool, verify: bool = False
) -> Operation:
    """Replace the content of *block* by that of *file*, the rest by zeros.

    *dump_first*: its old content is read and kept first, or nothing is written. *verify*: what was
    written is read again and compared. Raises ``Refused`` and ``Conflict``.
    """
    _uploadable(actor, block, file)
    accepted = [*([KEEP] if dump_first else []), *([VERIFY] if verify else [])]
    # Each byte of the device may pass three times: old content, new content, reading it again.
    moved = file.size + block.capacity * len(accepted or [VERIFY])
    memo = Memo(file=file.pk, fetch_size=file.size)
    return _begin(actor, block, Kind.BLOCK_UPLOAD, memo, moved=moved, accepted=accepted)


def block_download(*, actor: Actor, block: Block) -> Operation:
    """Read the content of *block* into a file that is kept here (``files.operation_file``).

    Raises ``Refused`` and ``Conflict``.
    """
    check_transfer(actor=actor, block=block)
    memo = Memo(fetch_size=block.capacity)
    return _begin(actor, block, Kind.BLOCK_DOWNLOAD, memo, moved=block.capacity, accepted=[])


def _uploadable(actor: Actor, block: Block, file: BlockFile) -> None:
    check_transfer(actor=actor, block=block)
    if file.team_id != block.team_id:
        raise Refused("This file belongs to another team.")
    if file.size > block.capacity:
        raise Refused(f"{file.name} has {file.size:,} bytes: {block} has only {block.capacity:,}.")
    if file.pk and not path_of(file.key).is_file():
        raise Refused(f"The bytes of {file.name} are not there any more: send it again.")


def check_transfer(*, actor: Actor, block: Block) -> None:
    """Whether *block* can be read and written now. Raises ``Refused`` and ``Conflict``."""
    require(actor, block.team, Scope.BLOCKS)
    if block.team is None:
        raise Refused(f"{block} belongs to no team: it is shown, never changed.")
    if block.active:
        raise Refused(f"{block} is in use by a running unikernel: the instance neither reads nor writes it.")
    if operation := needed_by(block):
        raise Conflict(
            f"An operation that needs {block} is under way ({operation.kind} {operation.label}).",
            extra={"operation": operation.pk},
        )


def _begin(
    actor: Actor, block: Block, kind: Kind, memo: Memo, *, moved: int, accepted: list[str]
) -> Operation:
    now = timezone.now()
    limit = timings().back_limit + moved / settings.SLOWEST_STREAM
    try:
        with transaction.atomic():
            operation = Operation.objects.create(
                kind=kind,
                state=FIRST_STATE[kind],
                block=block,
                block_name=str(block),
                instance=block.instance,
                team=block.team,
                accepted=accepted,
                requested_by=actor.user,
                credential=actor.credential,
                memo=memo.to_json(),
                created_at=now,
                due_at=now,
                deadline_at=now + timedelta(seconds=limit),
            )
    except IntegrityError as error:  # the database's own word: one unfinished transfer per device
        raise _under_way(block) from error
    record(
        actor=actor,
        kind=f"operation.{kind}",
        subject=f"block:{block.pk}",
        operation=operation.pk,
        team=block.team,
        instance=block.instance,
        now=str(operation.state),
        data={"size": memo.fetch_size, "accepted": accepted},
    )
    transaction.on_commit(lambda: tasks.wake(operation.pk))
    return operation


def _under_way(block: Block) -> Conflict:
    first = Operation.objects.filter(block=block, finished_at=None).first()
    extra = {"operation": first.pk} if first else {}
    return Conflict(f"A transfer of {block} is under way. Wait for its end, or cancel it.", extra=extra)
