"""Block devices over real connections."""

from __future__ import annotations

import random
import zlib

import pytest

from albatross import messages as m
from albatross.simulator import build_image
from albatross.simulator.blocks import MB
from tests.albatross.simulator.talk import ask, create, talk

DISK = "alice:disk"
ADDED, SET, REMOVED = m.Text("added block device"), m.Text("set block device"), m.Text("removed block")
ENDED = m.FailureText("exception while reading from fd")
NOISE = random.Random(1).randbytes(MB)
PLAIN, COMPRESSED = m.BlockSet(compressed=False), m.BlockSet(compressed=True)


def chunks(data, size=65_536):
    return [data[start : start + size] for start in range(0, len(data), size)]


def store(instance, command, data, name=DISK):
    with talk(instance, name, command) as connection:
        return connection.stream(*chunks(data)).rest()


def content(instance, level=0, name=DISK):
    with talk(instance, name, m.BlockDump(level)) as connection:
        first, *pieces, last = connection.rest()
    assert first == m.BlockImage(compressed=level != 0)
    assert last == m.BlockChunk(None)
    data = b"".join(piece.data for piece in pieces)
    return zlib.decompress(data) if level else data


@pytest.fixture
def disk(instance):
    """An instance with a device of 1 MB."""
    assert ask(instance, DISK, m.BlockAdd(1)) == ADDED
    return instance


def use(instance):
    image = build_image(devices=[("storage", "block")])
    answer = ask(instance, "alice:web", create(image=image, blocks=(m.BlockDevice("storage", "disk"),)))
    assert answer == m.Text("created unikernel")


def test_a_new_device_is_idle_and_full_of_zeros(disk):
    (told,) = ask(disk, "alice:", m.BlockInfo()).blocks
    assert (str(told.name), told.size, told.active) == (":disk", 1, False)
    assert content(disk) == bytes(MB)


@pytest.mark.parametrize(("command", "data"), [(PLAIN, NOISE), (COMPRESSED, zlib.compress(NOISE))])
@pytest.mark.parametrize("level", [0, 6])
def test_what_was_set_is_dumped(disk, command, data, level):
    assert store(disk, command, data) == [SET]
    assert content(disk, level) == NOISE


def test_a_plain_dump_comes_in_small_pieces_and_ends_with_sequence_zero(disk):
    with talk(disk, DISK, m.BlockDump(0)) as connection:
        messages = list(iter(connection.receive, None))
    assert {len(message.payload.data) for message in messages[1:-1]} == {4096}
    assert len({message.header.sequence for message in messages[:-1]}) == 1
    assert messages[0].header.sequence > 0
    assert messages[-1].header.sequence == 0
    assert {str(message.header.name) for message in messages} == {DISK}


def test_a_short_stream_is_filled_up_with_zeros(disk):
    store(disk, PLAIN, NOISE)
    assert store(disk, PLAIN, b"short") == [SET]
    assert content(disk) == b"short" + bytes(MB - 5)


def test_of_a_stream_that_is_cut_whole_chunks_stay(disk):
    store(disk, PLAIN, NOISE)
    with talk(disk, DISK, PLAIN) as connection:
        connection.stream(b"first", end=False)
        connection.send((100).to_bytes(4, "big") + b"half")
        assert connection.half_close().rest() == [m.FailureText("reading tls chunk")]
    assert content(disk) == b"first" + bytes(MB - 5)


def test_an_upload_that_is_a_little_too_large_is_told(disk):
    with talk(disk, DISK, PLAIN) as connection:
        assert connection.stream(NOISE, b"x", b"y").rest() == [m.FailureText("stream exceeds size")]


@pytest.mark.parametrize(
    ("command", "data"),
    [
        (PLAIN, [NOISE, b"x", b"1", b"2", b"3"]),
        (COMPRESSED, [zlib.compress(NOISE + b"x"), b"1", b"2", b"3"]),
        (COMPRESSED, [b"this is no zlib stream", b"1", b"2", b"3"]),
        (COMPRESSED, [zlib.compress(b"short"), b"1", b"2", b"3"]),
    ],
)
def test_an_upload_with_more_than_fits_is_never_answered_and_the_content_lost(disk, command, data):
    store(disk, PLAIN, b"precious")
    with talk(disk, DISK, command) as connection:
        for chunk in data:
            connection.stream(*chunks(chunk), end=False)
        assert connection.stream().quiet()
    assert not content(disk).startswith(b"precious")


@pytest.mark.parametrize("data", [b"nonsense", zlib.compress(NOISE)[:-4], zlib.compress(NOISE)[:10]])
def test_data_that_does_not_inflate_fails(disk, data):
    with talk(disk, DISK, COMPRESSED) as connection:
        assert connection.stream(data[:60_000]).rest() == [m.FailureText("error writing to file descriptor")]


def test_chunks_of_more_than_64_kib_break_a_compressed_upload(disk):
    with talk(disk, DISK, COMPRESSED) as connection:
        answers = connection.stream(*chunks(zlib.compress(NOISE), 500_000)).rest()
    assert answers == [m.FailureText("error writing to file descriptor")]


def test_who_sets_what_is_not_there_hears_little(disk):
    missing, busy = "alice:none", DISK
    assert store(disk, PLAIN, b"", missing) == [m.FailureText("set block: not found")]
    assert store(disk, PLAIN, b"data", missing) == [m.FailureText("writing block data")]
    use(disk)
    assert store(disk, PLAIN, b"data", busy) == [m.FailureText("writing block data")]


def test_who_dumps_what_is_not_there_hears_it_twice(disk):
    with talk(disk, "alice:none", m.BlockDump(0)) as connection:
        assert connection.rest() == [m.FailureText("dump block: not found"), ENDED]
    use(disk)
    with talk(disk, DISK, m.BlockDump(0)) as connection:
        assert connection.rest() == [m.FailureText("dump block: is in use"), ENDED]


def test_a_level_that_zlib_does_not_know_ends_the_daemon(disk):
    with talk(disk, DISK, m.BlockDump(10)) as connection:
        assert connection.rest() == [ENDED]


def test_a_device_in_use_stays(disk):
    use(disk)
    assert ask(disk, DISK, m.BlockInfo()).blocks[0].active
    assert ask(disk, DISK, m.BlockRemove()) == m.FailureText("remove block: is in use")
    ask(disk, "alice:web", m.UnikernelDestroy())
    assert ask(disk, DISK, m.BlockRemove()) == REMOVED
    assert ask(disk, DISK, m.BlockRemove()) == m.FailureText("remove block: not found")


def test_no_room_for_a_device_is_told(disk):
    assert ask(disk, DISK, m.BlockAdd(1)) == m.FailureText("block device with same name already exists")
    assert ask(disk, "alice:big", m.BlockAdd(1024)) == m.FailureText(
        "block device policy limit of 1024 MB (used 1 MB) would be exceeded by the request (1024 MB)"
    )


@pytest.mark.parametrize("size", [0, -1])
def test_a_device_without_size_leaves_its_file_behind(instance, size):
    assert ask(instance, DISK, m.BlockAdd(size)) == m.FailureText("overflow while computing bytes")
    assert ask(instance, DISK, m.BlockAdd(1)) == m.FailureText("file already exists")


def test_a_device_may_be_called_as_its_path(instance):
    assert ask(instance, "alice:", m.BlockAdd(1)) == ADDED
    (told,) = ask(instance, "alice:", m.BlockInfo()).blocks
    assert str(told.name) == ":"


# --- old forms ---------------------------------------------------------------------------------


def test_old_forms_carry_the_data_in_the_command(instance):
    data = zlib.compress(b"inside")
    assert ask(instance, DISK, m.BlockAddOld(1, True, data)) == ADDED
    assert ask(instance, DISK, m.BlockDumpOld(0)) == m.OldBlockImage(False, b"inside" + bytes(MB - 6))
    assert ask(instance, DISK, m.BlockSetOld(False, b"new")) == SET
    assert zlib.decompress(ask(instance, DISK, m.BlockDumpOld(9)).image) == b"new" + bytes(MB - 3)


def test_an_old_form_without_data_confuses_the_endpoint(instance):
    assert ask(instance, DISK, m.BlockAddOld(1, False, b"")) == m.FailureText("writing block data")
    assert ask(instance, "alice:plain", m.BlockAddOld(1, False, None)) == ADDED
    assert len(ask(instance, "alice:", m.BlockInfo()).blocks) == 2
