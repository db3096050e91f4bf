"""Backup and restore: what is brought back is what was, and nothing under way goes on by itself."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core import serializers
from django.db import connection, transaction

from accounts.models import Event, User
from mollymawk.errors import Conflict, Invalid, Refused
from mollymawk.keyring import SealBroken
from tests.api.house import House
from tests.commands.conftest import Run, house, run  # noqa: F401 - fixtures
from unikernels.backup import rows
from unikernels.backup.archive import Writer
from unikernels.backup.services import backup, check, restore
from unikernels.blocks import store as block_store
from unikernels.images import store as image_store
from unikernels.models import Freeze, Image, Operation, RollbackWindow, Unikernel
from unikernels.operations.machine import Running, State
from unikernels.operations.story import steps_of

RESTORED = {"unikernels.operation", "unikernels.rollbackwindow", "unikernels.freeze", "accounts.event"}


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows that a backup keeps, by table."""
    return {
        rows.label(model): json.loads(serializers.serialize("json", model._base_manager.order_by("pk")))
        for model in rows.tables()
    }


@pytest.fixture
def full(house: House, alice: User) -> House:  # noqa: F811 - the fixture
    """A house with one of everything that hangs together."""
    house.window, house.check, house.content, house.newer, house.webhook, house.token()
    return house


@pytest.fixture
def kept(full: House, tmp_path: Path) -> Path:
    """A backup of it."""
    backup(tmp_path / "it.tar")
    return tmp_path / "it.tar"


def empty_the_house() -> None:
    """As on a new machine, after ``migrate``."""
    names = [f'"{model._meta.db_table}"' for model in rows.tables()]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(names)} CASCADE")
        else:
            for name in names:
                cursor.execute(f"DELETE FROM {name}")
    shutil.rmtree(settings.IMAGE_DIR)


@pytest.mark.django_db(transaction=True)
def test_what_is_brought_back_is_what_was(full: House, kept: Path) -> None:
    before = everything()
    images = {image.digest: image_store.path_of(image.digest).read_bytes() for image in Image.objects.all()}
    content = block_store.path_of(full.content.key).read_bytes()
    empty_the_house()
    restore(kept)
    after = everything()
    assert {name: after[name] for name in after if name not in RESTORED} == {
        name: before[name] for name in before if name not in RESTORED
    }
    assert after["accounts.event"][: len(before["accounts.event"])] == before["accounts.event"]
    assert {digest: image_store.path_of(digest).read_bytes() for digest in images} == images
    assert block_store.path_of(full.content.key).read_bytes() == content
    newest = Unikernel.objects.order_by("pk").last()
    assert newest is not None
    newest.pk, newest.name = None, "one-more"
    newest.save()  # the numbers go on


@pytest.mark.django_db(transaction=True)
def test_nothing_that_was_under_way_goes_on_by_itself(full: House, kept: Path) -> None:
    assert RollbackWindow.objects.exists()
    empty_the_house()
    restore(kept)
    operation = Operation.objects.get(pk=full.operation.pk)
    assert (operation.state, operation.running) == (State.FAILED, Running.UNKNOWN)
    assert "restored from a backup" in operation.reason
    assert steps_of(operation)
    assert not Operation.objects.filter(finished_at=None).exists()
    assert not RollbackWindow.objects.exists()
    assert Freeze.objects.get(team=None).reason.startswith("Restored from the backup of ")
    assert Event.objects.filter(kind="backup.restored").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_database_in_use_is_left_alone(full: House, kept: Path) -> None:
    before = everything()
    with pytest.raises(Conflict, match="in use"):
        restore(kept)
    assert everything() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("harm", ["cut", "changed", "other version", "other keys"])
def test_what_cannot_be_used_changes_nothing(
    harm: str, kept: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = kept.read_bytes()
    if harm == "cut":
        kept.write_bytes(data[: len(data) // 2])
    elif harm == "changed":
        place = data.index(b"robur")
        kept.write_bytes(data[:place] + b"ruboR" + data[place + 5 :])
    elif harm == "other version":
        monkeypatch.setattr(rows, "migrations", lambda: ["unikernels.0999_later"])
    else:
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    empty_the_house()
    with pytest.raises((Invalid, Refused, SealBroken)):
        restore(kept)
    assert not any(everything().values())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "/etc/passwd", "images/../../x", f"images/{'0' * 64}", "blocks/x", "x"]
)
def test_nothing_is_unpacked_to_a_place_that_its_name_makes_up(name: str, tmp_path: Path) -> None:
    path = tmp_path / "it.tar"
    with path.open("wb") as file:
        writer = Writer(file)
        writer.add(name, io.BytesIO(b"bytes"), 5)
        writer.finish({"made_at": "2026-11-30T00:00:00", "migrations": rows.migrations()})
    with pytest.raises(Invalid, match="has no place in a backup"):
        restore(path)


@pytest.mark.django_db(transaction=True)
def test_a_backup_is_for_its_owner_alone_and_overwrites_nothing(kept: Path, tmp_path: Path) -> None:
    assert kept.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Invalid, match="not overwritten"):
        backup(kept)
    with pytest.raises(Invalid, match="cannot be written"):
        backup(tmp_path / "no" / "where.tar")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.django_db(transaction=True)
def test_a_damaged_image_makes_no_backup(full: House, tmp_path: Path) -> None:
    path = image_store.path_of(full.image.image.digest)
    path.chmod(0o600)
    path.write_bytes(b"no image")
    with pytest.raises(Exception, match="is damaged"):
        backup(tmp_path / "it.tar")
    assert not list(tmp_path.glob("it.tar*"))


@pytest.mark.django_db(transaction=True)
def test_the_contents_of_block_devices_can_be_left_out(full: House, tmp_path: Path) -> None:
    backup(tmp_path / "it.tar", block_files=False)
    names = set(check(tmp_path / "it.tar")["members"])
    assert any(name.startswith("images/") for name in names)
    assert not any(name.startswith("blocks/") for name in names)


@pytest.mark.django_db(transaction=True)
def test_the_commands_tell_what_is_in_it(full: House, run: Run, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "it.tar"
    made = run("backup", path, "--json")
    assert made.code == 0, made.err
    assert made.json["missing"] == 0
    assert run("backup_check", path, "--json").json == made.json
    assert run("backup", path).code == 2
    assert run("restore", path).code == 2  # nobody to ask
    assert run("restore", path, "--yes").code == 5
    empty_the_house()
    back = run("restore", path, "--yes")
    assert (back.code, "lift the freeze" in back.err) == (0, True), back.err
