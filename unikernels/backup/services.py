"""Making a backup, looking whether one is whole, and bringing one back into an empty database."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.core.serializers.base import DeserializationError
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts.actors import COMMAND
from accounts.events import record
from accounts.models import Team, User
from albatross.models import Instance
from mollymawk.errors import ApplicationError, Conflict, Invalid, Refused
from mollymawk.keyring import unseal
from mollymawk.snapshot import snapshot
from unikernels.backup import rows
from unikernels.backup.archive import Damaged, Writer, examine, members
from unikernels.blocks import store as block_store
from unikernels.images import store as image_store
from unikernels.models import BlockFile, Image, Operation, RollbackWindow, Unikernel, Version
from unikernels.operations.machine import Running, State
from unikernels.updates.services import freeze_set

_PIECE = 2**20  # bytes that are held at a time
_ROWS, _IMAGES, _BLOCKS = "rows", "images", "blocks"  # folders in the archive

UNKNOWN_END = (
    "The system was restored from a backup that was made while this was under way: what came of it is not"
    " known here. Look at what runs."
)


# --- making one --------------------------------------------------------------------------------------


def backup(path: Path, *, block_files: bool = True) -> dict[str, Any]:
    """Write everything to the new file *path*; its manifest. Others work on meanwhile.

    *block_files*: with the contents of block devices that are kept. Raises ``Invalid`` when *path* is
    there already or cannot be written; nothing is left of a backup that was not finished.
    """
    with _new(path) as file:
        return _write(Writer(file), block_files=block_files)


def _write(writer: Writer, *, block_files: bool) -> dict[str, Any]:
    made_at = timezone.now()
    with snapshot():
        counts = {rows.label(model): _table(writer, model) for model in rows.tables()}
        digests = list(Image.objects.order_by("digest").values_list("digest", flat=True))
        keys = list(BlockFile.objects.order_by("pk").values_list("key", flat=True)) if block_files else []
        migrations = rows.migrations()
    missing = [digest for digest in digests if not _image(writer, digest)]
    missing += [key.hex for key in keys if not _block(writer, key)]
    return writer.finish(
        {
            "made_at": made_at.isoformat(),
            "migrations": migrations,
            "rows": counts,
            "missing": missing,
        }
    )


def _table(writer: Writer, model: Any) -> int:
    with tempfile.TemporaryFile() as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
        count = rows.write(model, text)
        text.flush()
        size = file.tell()
        file.seek(0)
        writer.add(f"{_ROWS}/{rows.label(model)}.jsonl", file, size)
        text.detach()
    return count


def _image(writer: Writer, digest: str) -> bool:
    """Whether the bytes of this image are in now. One of which only the row is kept has none."""
    return _file(writer, f"{_IMAGES}/{digest}", image_store.path_of(digest), digest)


def _block(writer: Writer, key: UUID) -> bool:
    return _file(writer, f"{_BLOCKS}/{key.hex}", block_store.path_of(key))


def _file(writer: Writer, name: str, path: Path, digest: str = "") -> bool:
    try:
        with path.open("rb") as file:
            added = writer.add(name, file, os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        return False
    if digest and added != digest:
        raise ApplicationError(f"{path} is damaged: its SHA-256 is {added}. No backup was written.")
    return True


@contextmanager
def _new(path: Path) -> Iterator[IO[bytes]]:
    part = path.with_name(f"{path.name}.part")
    if path.exists():
        raise Invalid(f"{path} is there already: it is not overwritten.")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Invalid(f"{part} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise ApplicationError(f"{path} was not written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


# --- looking at one ----------------------------------------------------------------------------------


def check(path: Path) -> dict[str, Any]:
    """Read all of *path*; its manifest. Raises ``Invalid`` when it cannot be read or is not whole."""
    try:
        with path.open("rb") as file:
            return examine(file)
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error
    except Damaged as error:
        raise Invalid(f"{path} cannot be used: {error}.") from error


# --- bringing one back -------------------------------------------------------------------------------


def restore(path: Path) -> dict[str, Any]:
    """Bring *path* back into an empty database and store; its manifest.

    What was under way ends as failed with an unknown outcome, open rollback windows close, and nothing
    is upgraded by itself until a superuser lifts the freeze: what runs may have changed since.
    Raises ``Invalid`` for a bad file, ``Conflict`` when the database is in use, ``Refused`` when it was
    made by another version of the tables or the keys that sealed its secrets are missing.
    """
    manifest = check(path)
    _fitting(manifest)
    _check_names(manifest["members"])
    with path.open("rb") as file, transaction.atomic(), connection.constraint_checks_disabled():
        _check_empty()
        rows.clear()
        for name, content in members(file):
            _take(name, content)
        rows.settle()
        _check_keys()
        _aftermath(manifest["made_at"])
    return manifest


def _fitting(manifest: dict[str, Any]) -> None:
    here, there = set(rows.migrations()), set(manifest["migrations"])
    if here != there:
        differ = ", ".join(sorted(here ^ there)[:3])
        raise Refused(
            f"It was made by another version of Mollymawk (migrations differ: {differ}). Install that one,"
            " restore, and upgrade then."
        )


def _check_names(found: dict[str, dict[str, Any]]) -> None:
    """Nothing is unpacked to a place that its name makes up: images are what they are called."""
    for name, facts in found.items():
        folder, _, rest = name.partition("/")
        good = {
            _ROWS: rest.isascii() and "/" not in rest,
            _IMAGES: rest == facts["sha256"],
            _BLOCKS: re.fullmatch("[0-9a-f]{32}", rest) is not None,
        }
        if not good.get(folder):
            raise Invalid(f"{name[:100]!r} has no place in a backup.")


def _check_empty() -> None:
    models: tuple[Any, ...] = (User, Team, Instance, Unikernel)
    for model in models:
        if model.objects.exists():
            raise Conflict("The database is in use. Restore into a new one: manage.py migrate makes it.")


def _take(name: str, content: IO[bytes]) -> None:
    folder, _, rest = name.partition("/")
    if folder == _ROWS:
        try:
            rows.read(io.TextIOWrapper(content, encoding="utf-8"))
        except (DeserializationError, DatabaseError) as error:
            raise Refused(f"{rest} cannot be brought back: {error}") from error
    elif folder == _IMAGES:
        with image_store.staged() as (file, place):
            _copy(content, file)
            image_store.keep(file, place, rest)
    elif folder == _BLOCKS:
        with block_store.staged(UUID(rest)) as file:
            _copy(content, file)


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while piece := source.read(_PIECE):
        target.write(piece)


def _check_keys() -> None:
    """Raises ``SealBroken`` when the ring cannot open what the backup holds."""
    sealed = [
        Instance.objects.exclude(sealed_key="").values_list("sealed_key", flat=True).first(),
        Version.objects.exclude(sealed_arguments="").values_list("sealed_arguments", flat=True).first(),
    ]
    for text in filter(None, sealed):
        unseal(text)


def _aftermath(made_at: str) -> None:
    for operation in Operation.objects.filter(finished_at=None):
        _end(operation)
    RollbackWindow.objects.all().delete()
    record(actor=COMMAND, kind="backup.restored", subject="system", reason=f"the backup of {made_at}")
    freeze_set(actor=COMMAND, team=None, reason=f"Restored from the backup of {made_at[:16]}")


def _end(operation: Operation) -> None:
    was = operation.state
    operation.memo["ended_in"] = was
    operation.state, operation.reason = State.FAILED, UNKNOWN_END
    operation.running = "" if operation.block_name else Running.UNKNOWN
    operation.finished_at = timezone.now()
    operation.save(update_fields=["memo", "state", "reason", "running", "finished_at"])
    record(
        actor=COMMAND,
        kind="operation.state",
        subject=f"unikernel:{operation.unikernel_id}",
        operation=operation.pk,
        team=operation.team,
        instance=operation.on,
        was=was,
        now=State.FAILED.value,
        reason=UNKNOWN_END,
    )
