"""Block devices, on a simulated instance."""

from __future__ import annotations

import hashlib
import io
import random
import zlib
from dataclasses import replace

import pytest

from albatross import messages as m
from albatross.client import Client
from albatross.client.transfer import CHUNK, Inflater, inflated_size
from albatross.errors import ClosedWithoutAnswer, Failure, ProtocolError, RequestRefused, TimedOut
from albatross.names import Name
from albatross.simulator import Fault, SimulatedInstance
from albatross.simulator.faults import Kind
from albatross.simulator.images import build_image
from albatross.transport import MIB, Limits
from tests.albatross.conftest import POLICY, client_of

DISK = Name.of("alice", label="disk")
CONTENT = random.Random(1).randbytes(MIB)


@pytest.fixture
def disk(client: Client) -> Name:
    client.block_add(DISK, 1, policy=POLICY)
    return DISK


def write(client: Client, data: bytes, *, compressed: bool = False) -> str:
    return client.block_set(DISK, io.BytesIO(data), size=len(data), compressed=compressed, policy=POLICY)


def content(client: Client, *, level: int = 0) -> bytes:
    file = io.BytesIO()
    fetched = client.block_dump(DISK, file, level=level, policy=POLICY)
    assert fetched == (hashlib.sha256(file.getvalue()).digest(), len(file.getvalue()), False)
    return file.getvalue()


def occupy(client: Client) -> None:
    """Run something that uses the disk."""
    image = build_image(devices=[("disk", "block")], behaviour={})
    arguments = m.Arguments(blocks=(m.BlockDevice("disk"),))
    client.create(
        Name.of("alice", label="user"), arguments, io.BytesIO(image), size=len(image), policy=POLICY
    )


class TestDevices:
    def test_none(self, client: Client) -> None:
        assert client.blocks() == []
        assert client.block(DISK, policy=POLICY) is None

    def test_are_listed_by_absolute_name(self, client: Client, disk: Name) -> None:
        state = m.BlockState(disk, 1, active=False)
        assert client.blocks() == [state]
        assert client.blocks(("alice",), policy=POLICY) == [state]
        assert client.block(disk, policy=POLICY) == state

    def test_are_active_while_in_use(self, client: Client, disk: Name) -> None:
        occupy(client)
        assert client.blocks() == [m.BlockState(disk, 1, active=True)]

    def test_are_made_and_removed(self, client: Client) -> None:
        assert client.block_add(DISK, 2, policy=POLICY) == "added block device"
        assert client.block_remove(DISK, policy=POLICY) == "removed block"
        assert client.blocks() == []

    def test_that_cannot_be_made_are_refused_in_the_words_of_the_instance(
        self, client: Client, disk: Name
    ) -> None:
        with pytest.raises(Failure, match="block device with same name already exists"):
            client.block_add(disk, 1, policy=POLICY)
        with pytest.raises(Failure, match="would be exceeded"):
            client.block_add(Name.of("alice", label="huge"), 64, policy=POLICY)

    @pytest.mark.parametrize("megabytes", [0, -1, 2**62])
    def test_of_no_size_are_not_asked_for(
        self, client: Client, instance: SimulatedInstance, megabytes: int
    ) -> None:
        with pytest.raises(RequestRefused):
            client.block_add(DISK, megabytes, policy=POLICY)
        assert instance.observed.records() == []

    def test_without_a_name_are_not_asked_for(self, client: Client) -> None:
        for verb in (client.block_remove, client.block):
            with pytest.raises(RequestRefused):
                verb(Name.of("alice"), policy=POLICY)


class TestSet:
    @pytest.mark.parametrize("size", [MIB, MIB - 1, CHUNK + 1, 1, 0])
    def test_replaces_the_content_and_fills_with_zeros(self, client: Client, disk: Name, size: int) -> None:
        write(client, b"\xff" * MIB)
        assert write(client, CONTENT[:size]) == "set block device"
        assert content(client) == CONTENT[:size] + bytes(MIB - size)

    @pytest.mark.parametrize("size", [MIB, 1])
    def test_takes_compressed_content(self, client: Client, disk: Name, size: int) -> None:
        write(client, zlib.compress(CONTENT[:size]), compressed=True)
        assert content(client) == CONTENT[:size] + bytes(MIB - size)

    def test_tells_its_progress(self, client: Client, disk: Name) -> None:
        told: list[int] = []
        client.block_set(disk, io.BytesIO(CONTENT), size=MIB, policy=POLICY, on_progress=told.append)
        assert told == sorted(told)
        assert told[-1] == MIB

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (zlib.compress(bytes(MIB + 1)), "too large"),
            (b"no zlib", "no zlib stream"),
            (zlib.compress(CONTENT)[:-1], "cut"),
            (zlib.compress(CONTENT) + b"more", "after the end"),
            (b"", "cut"),
        ],
        ids=["too much", "no zlib", "cut", "something after the end", "nothing"],
    )
    def test_refuses_compressed_data_that_hangs_the_instance(
        self, client: Client, instance: SimulatedInstance, disk: Name, data: bytes, words: str
    ) -> None:
        with pytest.raises(RequestRefused, match=words):
            write(client, data, compressed=True)
        assert instance.observed.records("arrived", command="block_set") == []

    def test_refuses_too_much(self, client: Client, instance: SimulatedInstance, disk: Name) -> None:
        with pytest.raises(RequestRefused, match="do not fit"):
            write(client, bytes(MIB + 1))
        assert instance.observed.records("arrived", command="block_set") == []

    def test_refuses_a_device_that_is_missing_or_in_use(
        self, client: Client, instance: SimulatedInstance
    ) -> None:
        with pytest.raises(RequestRefused, match="no block device alice:disk"):
            write(client, b"data")
        client.block_add(DISK, 1, policy=POLICY)
        occupy(client)
        with pytest.raises(RequestRefused, match="in use"):
            write(client, b"data")
        assert instance.observed.records("arrived", command="block_set") == []

    @pytest.mark.parametrize("error", [-1, 1])
    def test_refuses_a_file_of_another_size(
        self, client: Client, instance: SimulatedInstance, disk: Name, error: int
    ) -> None:
        with pytest.raises(RequestRefused, match="99 bytes"):
            client.block_set(disk, io.BytesIO(CONTENT[:99]), size=99 + error, policy=POLICY)
        assert instance.observed.records("arrived", command="block_set") == []

    def test_asks_its_guard_before_every_chunk_and_the_end(
        self, client: Client, instance: SimulatedInstance, disk: Name
    ) -> None:
        calls: list[int] = []

        def guard(fatal: int) -> float:
            calls.append(1)
            if len(calls) == fatal:
                raise KeyError("lost")
            return 5

        client.block_set(disk, io.BytesIO(CONTENT), size=MIB, policy=POLICY, guard=lambda: guard(0))
        needed = 1 + -(-MIB // CHUNK) + 1  # for the connection, the chunks, the end
        assert len(calls) == needed
        for fatal in (1, 2, needed):
            calls.clear()
            with pytest.raises(KeyError):
                client.block_set(
                    disk,
                    io.BytesIO(CONTENT),
                    size=MIB,
                    policy=POLICY,
                    guard=lambda: guard(fatal),  # noqa: B023
                )

    def test_that_breaks_has_an_unknown_outcome_because_the_content_is_lost(
        self, client: Client, instance: SimulatedInstance, disk: Name
    ) -> None:
        instance.faults.add(Fault(Kind.BREAK_STREAM, command="block_set", after=1))
        with pytest.raises(ClosedWithoutAnswer) as broken:
            write(client, CONTENT)
        assert not broken.value.outcome_known

    def test_into_an_instance_that_stops_reading_is_given_up(
        self, instance: SimulatedInstance, client: Client, disk: Name, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As after a device was made smaller between our look and the upload."""
        monkeypatch.setattr(
            "albatross.client.api.Client._free_block", lambda *_args: m.BlockState(disk, 64, active=False)
        )
        impatient = client_of(instance, Limits(idle=1.0))
        with pytest.raises(TimedOut) as late:
            write(impatient, bytes(64 * MIB))
        assert not late.value.outcome_known


class TestDump:
    @pytest.mark.parametrize("level", [0, 1, 9])
    def test_gives_back_the_content_plain(self, client: Client, disk: Name, level: int) -> None:
        data = CONTENT[: MIB // 2] + bytes(MIB // 2)
        write(client, data)
        assert content(client, level=level) == data

    @pytest.mark.parametrize("level", [-1, 10])
    def test_never_asks_for_a_level_that_ends_the_daemon(
        self, client: Client, instance: SimulatedInstance, disk: Name, level: int
    ) -> None:
        with pytest.raises(RequestRefused, match="level"):
            content(client, level=level)
        assert instance.observed.records("arrived", command="block_dump") == []

    def test_of_a_device_that_is_missing_or_in_use_is_refused(self, client: Client) -> None:
        with pytest.raises(RequestRefused, match="no block device"):
            content(client)
        client.block_add(DISK, 1, policy=POLICY)
        occupy(client)
        with pytest.raises(RequestRefused, match="in use"):
            content(client)

    @pytest.mark.parametrize("told", [2, 0])
    def test_of_another_size_than_told_is_no_success(
        self, client: Client, disk: Name, told: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        state = m.BlockState(disk, told, active=False)
        monkeypatch.setattr("albatross.client.api.Client._free_block", lambda *_args: state)
        for level in (0, 6):
            with pytest.raises(ProtocolError, match=r"device|large"):
                content(client, level=level)

    def test_asks_its_guard(self, client: Client, disk: Name) -> None:
        def guard() -> float:
            raise KeyError("lost")

        with pytest.raises(KeyError):
            client.block_dump(disk, io.BytesIO(), policy=POLICY, guard=guard)


class TestInflater:
    def test_never_holds_more_than_a_piece(self) -> None:
        bomb = zlib.compress(bytes(50 * MIB))
        pieces = 0
        inflater = Inflater(100 * MIB)
        for piece in inflater.pieces(bomb):
            assert len(piece) <= CHUNK
            pieces += len(piece)
        assert pieces == 50 * MIB
        assert inflater.complete

    def test_counts_no_further_than_its_limit(self) -> None:
        bomb = zlib.compress(bytes(50 * MIB))
        with pytest.raises(RequestRefused, match="too large"):
            inflated_size(io.BytesIO(bomb), len(bomb), MIB)

    @pytest.mark.parametrize("cut", [1, 2, 3, 5, 1000])
    def test_does_not_care_how_its_input_is_cut(self, cut: int) -> None:
        packed = zlib.compress(CONTENT[:5000])
        inflater = Inflater(5000)
        parts = (packed[start : start + cut] for start in range(0, len(packed), cut))
        assert b"".join(piece for part in parts for piece in inflater.pieces(part)) == CONTENT[:5000]
        assert inflater.complete


def test_the_policy_of_the_domain_is_carried_on_the_way(client: Client, instance: SimulatedInstance) -> None:
    other = replace(POLICY, block=32)
    client.block_add(DISK, 1, policy=other)
    assert instance.policies()["alice:"] == other
