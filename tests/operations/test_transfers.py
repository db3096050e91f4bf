"""Block transfers: what was written is what was sent, and what was cut is never called a success."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts.actors import Actor
from accounts.models import Event, Team, User
from albatross.messages import Arguments, BlockAdd, BlockDevice, Config, UnikernelCreate
from albatross.simulator import build_image
from albatross.simulator.faults import Fault, Kind
from mollymawk.errors import Conflict, Forbidden, Missing, Refused
from unikernels.blocks import files, store
from unikernels.blocks.files import file_of, file_open, file_receive, file_remove, operation_file
from unikernels.blocks.machine import TABLES, follow
from unikernels.blocks.packing import Packing, Unreadable, unpacked
from unikernels.blocks.services import block_remove
from unikernels.blocks.transfers import block_download, block_upload, plan_block_upload
from unikernels.models import Block, BlockFile, Operation
from unikernels.operations import services
from unikernels.operations.lease import Lease
from unikernels.operations.machine import TERMINAL, IllegalEvent, State
from unikernels.operations.machine import Event as Happened
from unikernels.operations.machine import Kind as Kinds
from unikernels.operations.story import exit_code, steps_of, verdict

SIZE = 2 * 2**20
NEW = hashlib.sha256(b"new").digest() * 40_000  # 1.28 MB
MIDDLE = 12  # the guard is asked for each of its 20 chunks, and a few times before
OLD = b"what was there before" * 30_000


@pytest.fixture
def block(house) -> Block:
    house.simulated.run("robur:data", BlockAdd(2))
    return Block.objects.create(
        instance=house.instance, team=house.team, path="robur", name="data", size=2, active=False
    )


def receive(house, data: bytes, **words) -> BlockFile:
    pieces = (data[at : at + 100_000] for at in range(0, len(data), 100_000))
    return file_receive(actor=house.actor, team=house.team, name="content.img", pieces=pieces, **words)


def upload(house, block: Block, data: bytes = NEW, *, dump_first: bool = False, **words) -> Operation:
    file = receive(house, data)
    return block_upload(actor=house.actor, block=block, file=file, dump_first=dump_first, **words)


def on_the_device(house) -> bytes:
    (found,) = house.simulated.folder.rglob(":robur:data")
    return bytes(found.read_bytes())


def file_after(operation: Operation) -> BlockFile:
    """The file of a transfer, which is there."""
    file = operation_file(operation)
    assert file is not None
    return file


def padded(data: bytes) -> bytes:
    return data + bytes(SIZE - len(data))


def content(house, file: BlockFile) -> bytes:
    pieces, size = file_open(actor=house.actor, file=file)
    found = b"".join(pieces)
    assert len(found) == size == file.size
    return found


# --- what works --------------------------------------------------------------------------------------


def test_an_upload_replaces_the_content_and_says_so(house, block) -> None:
    operation = house.finish(upload(house, block))
    assert operation.state == State.SUCCEEDED
    assert on_the_device(house) == padded(NEW)
    assert exit_code(operation) == 0
    assert f"{len(NEW):,} bytes" in verdict(operation).sentence
    assert [step.status for step in steps_of(operation)] == ["done"] * 5
    assert Event.objects.filter(operation=operation.pk, subject=f"block:{block.pk}", now="succeeded").exists()


def test_the_old_content_is_kept_when_asked_for_and_can_be_put_back(house, block) -> None:
    house.finish(upload(house, block, OLD))
    operation = house.finish(upload(house, block, dump_first=True))
    kept = BlockFile.objects.get(source=BlockFile.Source.DUMPED)
    assert content(house, kept) == padded(OLD)
    assert kept.block == block
    assert kept.name in " ".join(event.reason for event in Event.objects.filter(operation=operation.pk))
    back = block_upload(actor=house.actor, block=block, file=kept, dump_first=False, verify=True)
    assert house.finish(back).state == State.SUCCEEDED
    assert on_the_device(house) == padded(OLD)


def test_a_download_gives_the_whole_content(house, block) -> None:
    house.finish(upload(house, block))
    operation = house.finish(block_download(actor=house.actor, block=block))
    assert operation.state == State.SUCCEEDED, operation.reason
    file = file_after(operation)
    assert content(house, file) == padded(NEW)
    assert file.sha256 == hashlib.sha256(padded(NEW)).hexdigest()


@pytest.mark.parametrize(
    ("data", "packing"),
    [
        (NEW, Packing.AUTO),
        (gzip.compress(NEW, mtime=0), Packing.AUTO),
        (zlib.compress(NEW), Packing.ZLIB),
        (gzip.compress(NEW[:9], mtime=0) + b"", Packing.GZIP),
    ],
    ids=["plain", "gzip", "zlib", "small"],
)
def test_packed_content_is_unpacked_when_it_comes(house, data, packing) -> None:
    file = receive(house, data, packing=packing)
    assert content(house, file) in {NEW, NEW[:9]}
    assert file.sha256 == hashlib.sha256(content(house, file)).hexdigest()


def test_the_plan_says_what_is_lost(house, block) -> None:
    file = receive(house, NEW)
    told = plan_block_upload(actor=house.actor, block=block, file=file, dump_first=False)
    assert "lost: it is not kept" in told[0]
    assert "fill the rest of the 2 MB with zeros" in told[1]
    told = plan_block_upload(actor=house.actor, block=block, file=file, dump_first=True, verify=True)
    assert "keep it here for 7 days" in told[0]
    assert not Operation.objects.exists()


# --- refused before anything is touched --------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "packing", "words"),
    [
        (b"", Packing.AUTO, "is empty"),
        (gzip.compress(NEW, mtime=0)[:-9], Packing.AUTO, "is cut"),
        (gzip.compress(NEW, mtime=0) + b"more", Packing.AUTO, "after the end"),
        (b"\x1f\x8b\x08 no gzip at all", Packing.AUTO, "cannot be unpacked"),
        (NEW, Packing.ZLIB, "cannot be unpacked"),
        (bytes(3 * 2**20), Packing.AUTO, "holds more than"),
        (gzip.compress(bytes(3 * 2**20)), Packing.AUTO, "holds more than"),
    ],
)
def test_what_cannot_be_written_is_not_taken(house, settings, data, packing, words) -> None:
    settings.MAX_BLOCK_BYTES = SIZE
    with pytest.raises(Refused, match=words):
        receive(house, data, packing=packing)
    assert not BlockFile.objects.exists()
    assert not list((settings.IMAGE_DIR / "blocks").glob("*"))


def test_a_file_larger_than_the_device_is_refused_before_the_first_byte(house, block) -> None:
    file = receive(house, bytes(SIZE + 1))
    with pytest.raises(Refused, match="has only"):
        block_upload(actor=house.actor, block=block, file=file, dump_first=False)
    assert house.simulated.observed.records("arrived", command="block_set") == []


def test_a_device_in_use_is_refused_at_the_door_and_by_the_last_look(house, block) -> None:
    operation = upload(house, block)
    image = build_image(devices=[("data", "block")])
    arguments = Arguments(memory=16, blocks=(BlockDevice("data"),))
    house.simulated.run("robur:other", UnikernelCreate(Config(arguments, image=image)))
    ended = house.finish(operation)
    assert (ended.state, verdict(ended).word) == (State.ABORTED, "aborted")
    assert "in use" in ended.reason
    Block.objects.update(active=True)
    block.refresh_from_db()
    with pytest.raises(Refused, match="in use"):
        block_download(actor=house.actor, block=block)


def test_two_transfers_of_one_device_never_run_at_once(house, block) -> None:
    first = upload(house, block)
    with pytest.raises(Conflict, match="under way") as caught:
        block_download(actor=house.actor, block=block)
    assert caught.value.extra == {"operation": first.pk}
    with pytest.raises(Conflict):
        block_remove(actor=house.actor, block=block)


def test_a_deploy_waits_for_no_device_that_is_being_written(house, block) -> None:
    upload(house, block)
    image = house.image(devices=[("data", "block")])
    with pytest.raises(Refused) as caught:
        house.deploy(image, blocks=(BlockDevice("data"),))
    assert "being read or written" in " ".join(caught.value.reasons)


def test_strangers_and_viewers_get_nothing(house, block) -> None:
    file = receive(house, NEW)
    stranger = Actor(User.objects.create_user("eve@example.org", is_active=True), "session")
    with pytest.raises(Missing):
        file_of(stranger, file.pk)
    for call in (
        lambda: file_open(actor=stranger, file=file),
        lambda: block_upload(actor=stranger, block=block, file=file, dump_first=False),
    ):
        with pytest.raises((Forbidden, Missing)):
            call()


def test_the_file_of_another_team_is_refused(house, block) -> None:
    file = receive(house, NEW)
    BlockFile.objects.update(team=Team.objects.create(name="other", domain="other"))
    file.refresh_from_db()
    with pytest.raises(Refused, match="another team"):
        block_upload(actor=house.actor, block=block, file=file, dump_first=False)


# --- what goes wrong ---------------------------------------------------------------------------------


def test_an_answer_that_is_lost_is_found_out_by_reading_again(house, block) -> None:
    house.simulated.faults.add(Fault(Kind.CLOSE_AFTER, command="block_set"))
    operation = house.finish(upload(house, block))
    assert operation.state == State.SUCCEEDED, operation.reason
    assert len(house.simulated.observed.records("arrived", command="block_set")) == 1


def test_a_write_that_breaks_in_the_middle_is_a_failure_that_tells_where_the_old_content_is(
    house, block
) -> None:
    house.finish(upload(house, block, OLD))
    house.simulated.faults.add(Fault(Kind.BREAK_STREAM, command="block_set", after=200_000))
    operation = house.finish(upload(house, block, dump_first=True))
    assert (operation.state, operation.running) == (State.FAILED, "")
    assert "is changed" in operation.reason
    assert "The old content is kept: data-before" in operation.reason
    assert exit_code(operation) == 9
    assert on_the_device(house) != padded(NEW)


def test_a_write_that_never_arrived_leaves_the_old_content(house, block) -> None:
    house.finish(upload(house, block, OLD))
    house.simulated.faults.add(Fault(Kind.CLOSE_BEFORE, command="block_set"))
    operation = house.finish(upload(house, block, dump_first=True))
    assert operation.state == State.ABORTED
    assert "unchanged" in operation.reason


def test_whoever_was_killed_while_writing_wrote_once(house, block) -> None:
    """The row says that the first byte may have gone out: it is read and compared, never sent again."""
    operation = upload(house, block)
    Operation.objects.filter(pk=operation.pk).update(state=State.SWAP, armed_at=timezone.now())
    ended = house.finish(operation)
    assert ended.state == State.FAILED
    assert "not what was sent" in ended.reason
    assert house.simulated.observed.records("arrived", command="block_set") == []


def test_a_damaged_file_is_not_written(house, block) -> None:
    operation = upload(house, block)
    store.path_of(file_after(operation).key).write_bytes(b"x" * len(NEW))
    ended = house.finish(operation)
    assert (ended.state, "damaged" in ended.reason) == (State.ABORTED, True)
    assert on_the_device(house) == bytes(SIZE)


def test_an_instance_that_is_away_for_a_moment_is_asked_again(house, block) -> None:
    operation = upload(house, block)
    house.simulated.faults.add(Fault(Kind.REFUSE, times=2))
    assert house.finish(operation).state == State.SUCCEEDED


def test_a_cancel_before_the_first_byte_touches_nothing(house, block) -> None:
    operation = upload(house, block)
    services.cancel(actor=house.actor, operation=operation)
    assert house.finish(operation).state == State.CANCELLED
    assert on_the_device(house) == bytes(SIZE)


def test_a_cancel_in_the_middle_breaks_the_write_off_and_is_a_failure(house, block, monkeypatch) -> None:
    operation = upload(house, block)
    asked: list[Operation] = []
    real = Lease.guard

    def guard(lease: Lease) -> float:
        armed = Operation.objects.filter(pk=operation.pk, armed_at__isnull=False).exists()
        if armed and not asked:
            asked.append(services.cancel(actor=house.actor, operation=operation))
        if asked:
            lease.renew()
        return real(lease)

    monkeypatch.setattr(Lease, "guard", guard)
    ended = house.finish(operation)
    assert ended.state == State.FAILED
    assert "cancelled while it was written" in ended.reason
    assert "was not kept" in ended.reason


def test_a_lost_lease_ends_a_write_and_the_next_holder_only_reads(house, block, monkeypatch) -> None:
    operation = upload(house, block)
    row = Operation.objects.filter(pk=operation.pk)
    asked: list[Operation] = []
    real = Lease.guard

    def guard(lease: Lease) -> float:
        asked.extend(row.filter(armed_at__isnull=False))
        if len(asked) == MIDDLE:
            row.update(lease_count=100)
            lease.renew()
        return real(lease)

    monkeypatch.setattr(Lease, "guard", guard)
    house.finish(operation)
    monkeypatch.undo()
    row.update(lease_until=None, lease_count=100)
    ended = house.finish(operation)
    assert ended.state == State.FAILED
    assert len(house.simulated.observed.records("arrived", command="block_set")) == 1


# --- keeping -----------------------------------------------------------------------------------------


def test_files_go_when_their_time_is_over_unless_a_transfer_needs_them(
    house, block, django_capture_on_commit_callbacks
) -> None:
    idle, needed = receive(house, OLD), upload(house, block)
    BlockFile.objects.update(until=timezone.now() - timedelta(days=1))
    with django_capture_on_commit_callbacks(execute=True):
        assert files.sweep() == 1
    assert not store.path_of(idle.key).exists()
    with pytest.raises(Conflict, match="under way"):
        file_remove(actor=house.actor, file=file_after(needed))
    house.finish(needed)
    assert files.sweep() == 1
    assert files.space_of(house.team) == 0


def test_a_failure_is_told_by_mail_and_a_success_is_not(house, block) -> None:
    from accounts.models import Letter

    house.finish(upload(house, block))
    assert not Letter.objects.exists()
    house.simulated.faults.add(Fault(Kind.BREAK_STREAM, command="block_set", after=200_000))
    house.finish(upload(house, block))
    letter = Letter.objects.get()
    assert letter.subject == "robur:data on fra-1: block upload failed"
    assert "is changed" in letter.text
    assert not mail.outbox


# --- the table ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TABLES)
def test_every_state_can_end_and_what_the_table_does_not_know_is_refused(kind) -> None:
    for state, row in TABLES[kind].items():
        assert set(row.values()) & (TERMINAL | set(TABLES[kind]) - {state}), state
        for event in Happened:
            if event in row:
                assert follow(kind, state, event) is row[event]
            else:
                with pytest.raises(IllegalEvent):
                    follow(kind, state, event)


def test_no_failure_of_a_write_leads_back_to_it() -> None:
    after = [
        target
        for state, row in TABLES[Kinds.BLOCK_UPLOAD].items()
        if state is State.PROVE
        for target in row.values()
    ]
    assert State.SWAP not in after


def test_nothing_is_unpacked_beyond_the_limit() -> None:
    bomb = gzip.compress(bytes(50 * 2**20))
    seen: list[int] = []
    with pytest.raises(Unreadable, match="holds more"):
        seen.extend(map(len, unpacked([bomb], limit=2**20)))
    assert sum(seen) <= 2**20
