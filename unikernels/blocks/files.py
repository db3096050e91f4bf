"""Files with the content of block devices: taking them in, giving them out, letting go of them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from accounts.actors import Actor, require
from accounts.events import record
from accounts.models import Role, Team
from accounts.scopes import Need, Scope
from mollymawk.errors import Conflict, Missing, Refused
from unikernels.blocks import store
from unikernels.blocks.packing import PIECE, Packing, Unreadable, unpacked
from unikernels.images.services import MAX_NAME
from unikernels.models import Block, BlockFile, Operation
from unikernels.operations.facts import Memo
from unikernels.operations.machine import Kind


def file_receive(
    *,
    actor: Actor,
    team: Team,
    name: str,
    pieces: Iterable[bytes],
    packing: Packing = Packing.AUTO,
    room: int | None = None,
) -> BlockFile:
    """Keep the content that *pieces* hold (plain, gzip or zlib), unpacked, for ``BLOCK_FILE_DAYS``.

    Streams; nothing is kept of what cannot be unpacked or is larger than *room* bytes (and what is kept
    here at all). Raises ``Refused``.
    """
    require(actor, team, Scope.BLOCKS)
    key, digest, size = uuid.uuid4(), hashlib.sha256(), 0
    with store.staged(key) as file:
        for piece in _plain(name, pieces, packing, room):
            size += file.write(piece)
            digest.update(piece)
    row = BlockFile(key=key, team=team, source=BlockFile.Source.UPLOADED, name=tidy(name), by=actor.user)
    return keep(row, actor=actor, size=size, sha256=digest.hexdigest())


def measured(name: str, pieces: Iterable[bytes], *, packing: Packing, room: int) -> int:
    """The bytes that *pieces* hold, of which nothing is kept. Raises what ``file_receive`` raises."""
    return sum(map(len, _plain(name, pieces, packing, room)))


def _plain(name: str, pieces: Iterable[bytes], packing: Packing, room: int | None) -> Iterator[bytes]:
    limit = min(settings.MAX_BLOCK_BYTES, settings.MAX_BLOCK_BYTES if room is None else room)
    empty = True
    try:
        for piece in unpacked(pieces, limit=limit, packing=packing):
            empty = empty and not piece
            yield piece
    except Unreadable as error:
        raise Refused(f"{tidy(name)} is not taken: {error}.") from error
    if empty:
        raise Refused(f"{tidy(name)} is empty. To fill a device with zeros, remove and create it.")


def keep(row: BlockFile, *, actor: Actor, size: int, sha256: str) -> BlockFile:
    """Write the *row* of bytes that are in the store."""
    row.size, row.sha256 = size, sha256
    row.until = timezone.now() + timedelta(days=settings.BLOCK_FILE_DAYS)
    with transaction.atomic():
        row.save(force_insert=True)
        _tell(actor, row, "block-file.added")
    return row


def files_of(actor: Actor, block: Block | None = None) -> QuerySet[BlockFile]:
    """The files that *actor* may see, newest first; those of or for *block*."""
    rows = BlockFile.objects.select_related("team", "by", "block")
    if not actor.all_powerful:
        rows = rows.filter(team__in=[] if actor.names is not None else actor.teams())
    return rows.filter(team=block.team) if block else rows


def file_of(actor: Actor, pk: int, need: Need = Role.VIEWER) -> BlockFile:
    """The file *pk*, for somebody who may do what *need* says with it. Raises ``Missing`` and ``Forbidden``."""
    row = BlockFile.objects.select_related("team", "by", "block").filter(pk=pk).first()
    if row is None or actor.names is not None or not (actor.all_powerful or row.team in actor.teams()):
        raise Missing("There is no such file, or it is not yours.")
    require(actor, row.team, need)
    return row


def file_open(*, actor: Actor, file: BlockFile) -> tuple[Iterator[bytes], int]:
    """The content of *file* in pieces, and its length in bytes. Role deployer: it may hold secrets.

    Raises ``Missing`` when the bytes are gone.
    """
    require(actor, file.team, Scope.BLOCKS)
    path = store.path_of(file.key)
    if not path.is_file():
        raise Missing("The bytes of this file are not there any more.")
    record(
        actor=actor, kind="block-file.read", subject=f"block-file:{file.pk}", team=file.team, reason=file.name
    )

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as opened:
            while piece := opened.read(PIECE):
                yield piece

    return pieces(), file.size


def file_remove(*, actor: Actor, file: BlockFile) -> None:
    """Let go of *file*. Raises ``Conflict`` while a transfer needs it."""
    require(actor, file.team, Scope.BLOCKS)
    if file.pk in _needed():
        raise Conflict("A transfer that needs this file is under way.")
    with transaction.atomic():
        _tell(actor, file, "block-file.removed")
        _forget(file)


def operation_file(operation: Operation) -> BlockFile | None:
    """What a transfer sent or read: its file, unless it was removed since."""
    return row_of(Memo.from_json(operation.memo).file)


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that a transfer left here, or took from here."""

    file: BlockFile
    what: str


def transfer_files(operation: Operation) -> list[Kept]:
    """The files of a transfer that are still here: what was sent or read, and the old content."""
    memo = Memo.from_json(operation.memo)
    what = "new content" if operation.kind == Kind.BLOCK_UPLOAD else "content"
    named = {pk: words for pk, words in ((memo.file, what), (memo.dump, "old content")) if pk}
    return [Kept(file, named[file.pk]) for file in BlockFile.objects.filter(pk__in=named)]


def row_of(pk: int | None) -> BlockFile | None:
    """The file *pk*, if there is one (still)."""
    return BlockFile.objects.filter(pk=pk).first() if pk is not None else None


def space_of(team: Team) -> int:
    """Bytes that the files of *team* take here."""
    return int(BlockFile.objects.filter(team=team).aggregate(sum=Sum("size"))["sum"] or 0)


def sweep() -> int:
    """Let go of files whose time is over; the number of them."""
    old = BlockFile.objects.filter(until__lte=timezone.now()).exclude(pk__in=_needed())
    for row in old:
        with transaction.atomic():
            _forget(row)
    store.sweep({key.hex for key in BlockFile.objects.values_list("key", flat=True)})
    return len(old)


def tidy(name: str) -> str:
    """A file name as given, without folders and control characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable())[:MAX_NAME] or "content"


def _forget(row: BlockFile) -> None:
    key = row.key
    row.delete()
    transaction.on_commit(lambda: store.remove(key))


def _needed() -> set[int]:
    """The files of unfinished transfers."""
    memos = Operation.objects.filter(finished_at=None, block__isnull=False).values_list("memo", flat=True)
    found = (Memo.from_json(memo) for memo in memos)
    return {pk for memo in found for pk in (memo.file, memo.dump) if pk is not None}


def _tell(actor: Actor, row: BlockFile, kind: str) -> None:
    record(
        actor=actor,
        kind=kind,
        subject=f"block-file:{row.pk}",
        team=row.team,
        instance=row.block.instance if row.block else None,
        reason=row.name,
        data={"size": row.size, "sha256": row.sha256, "source": str(row.source)},
    )
