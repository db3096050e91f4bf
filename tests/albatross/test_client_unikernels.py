"""Policies and unikernels, on a simulated instance."""

from __future__ import annotations

import hashlib
import io
import threading
import zlib
from dataclasses import replace

import pytest

from albatross import messages as m
from albatross.certificates import Credentials, utc_now
from albatross.client import Client
from albatross.errors import CommandError, Failure, ImageRefused, NameInvalid, RequestRefused
from albatross.names import Name
from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from tests.albatross.conftest import POLICY, credentials_of

HELLO = Name.of("alice", label="hello")
IMAGE = build_image(behaviour={"lines": ["hello"]}, padding=150_000)
OTHER_IMAGE = build_image(behaviour={"lines": ["other"]})


def create(client: Client, name: Name = HELLO, image: bytes = IMAGE, *, force: bool = False) -> str:
    policy = (POLICY,) * len(name.path)
    return client.create(name, m.Arguments(), io.BytesIO(image), size=len(image), force=force, policy=policy)


def digest(image: bytes) -> bytes:
    return hashlib.sha256(image).digest()


class TestPolicies:
    def test_of_the_root_are_what_the_host_has(self, client: Client) -> None:
        ((path, policy),) = client.policies()
        assert path == Name()
        assert policy.unikernels == m.MAX_INT

    def test_are_set_by_any_command_in_a_domain_and_told_by_absolute_path(self, client: Client) -> None:
        client.unikernels(("alice",), policy=POLICY)
        assert dict(client.policies())[Name.of("alice")] == POLICY
        assert client.policies(("alice",), policy=POLICY) == [(Name.of("alice"), POLICY)]

    def test_that_do_not_fit_are_refused_in_the_words_of_the_instance(self, client: Client) -> None:
        create(client)
        small = replace(POLICY, memory=20)
        with pytest.raises(Failure, match="policy to 20 MB, used 32 MB") as refused:
            client.unikernels(("alice",), policy=small)
        assert refused.value.outcome_known


class TestUnikernels:
    def test_none(self, client: Client) -> None:
        assert client.unikernels() == []
        assert client.unikernel(HELLO, policy=POLICY) is None

    def test_are_listed_by_absolute_name_from_everywhere(self, client: Client) -> None:
        deep = Name.of("alice", "lab", label="test")
        create(client)
        create(client, deep)
        create(client, Name.of(label="root"))
        assert {name for name, _ in client.unikernels()} == {HELLO, deep, Name.of(label="root")}
        assert {name for name, _ in client.unikernels(("Alice",), policy=POLICY)} == {HELLO, deep}
        assert [n for n, _ in client.unikernels(("alice", "lab"), policy=(POLICY, POLICY))] == [deep]

    def test_one_is_told_by_its_name(self, client: Client) -> None:
        create(client)
        info = client.unikernel(HELLO, policy=POLICY)
        assert info is not None
        assert info.digest == digest(IMAGE)

    def test_need_the_policy_of_their_domain(self, client: Client, instance: SimulatedInstance) -> None:
        for given in (None, ()):
            with pytest.raises(RequestRefused, match="policy"):
                client.unikernel(HELLO, policy=given)
        with pytest.raises(RequestRefused, match="1 of 2"):
            client.unikernels(("alice", "lab"), policy=POLICY)
        assert instance.observed.records() == []

    def test_need_no_policy_when_the_credentials_are_delegated(self, instance: SimulatedInstance) -> None:
        root = credentials_of(instance)
        alice = Credentials(root.server_ca, root.authority.intermediate("alice", POLICY, now=utc_now()))
        delegated = Client(instance.address, alice)
        create(delegated)
        assert [name for name, _ in delegated.unikernels(("alice",))] == [HELLO]
        deep = Name.of("alice", "lab", label="test")
        create(delegated, deep)
        assert delegated.unikernel(deep, policy=POLICY) is not None
        for path in ((), ("bob",)):
            with pytest.raises(RequestRefused, match="alice:"):
                delegated.unikernels(path, policy=POLICY)

    @pytest.mark.parametrize("path", [("no_label",), ("",), ("a" * 64,)])
    def test_are_not_asked_for_below_what_is_no_path(self, client: Client, path: tuple[str, ...]) -> None:
        with pytest.raises(NameInvalid):
            client.unikernels(path, policy=POLICY)


class TestCreate:
    def test_runs_the_image_as_told(self, client: Client, instance: SimulatedInstance) -> None:
        arguments = m.Arguments(
            m.RESTART_ANY, cpuids=frozenset({1}), memory=64, arguments=("--tick=x", "--every=60")
        )
        text = client.create(HELLO, arguments, io.BytesIO(IMAGE), size=len(IMAGE), policy=POLICY)
        info = instance.running()["alice:hello"]
        assert text == "created unikernel"
        assert (info.digest, info.memory, info.cpuids) == (digest(IMAGE), 64, frozenset({1}))
        assert info.arguments == ("--tick=x", "--every=60")
        assert info.fail_behaviour == m.RESTART_ANY

    def test_takes_compressed_images(self, client: Client, instance: SimulatedInstance) -> None:
        packed = zlib.compress(IMAGE)
        client.create(
            HELLO, m.Arguments(), io.BytesIO(packed), size=len(packed), compressed=True, policy=POLICY
        )
        assert instance.running()["alice:hello"].digest == digest(IMAGE)

    def test_reads_the_file_from_its_beginning(self, client: Client, instance: SimulatedInstance) -> None:
        file = io.BytesIO(IMAGE)
        file.read()
        client.create(HELLO, m.Arguments(), file, size=len(IMAGE), policy=POLICY)
        assert instance.running()["alice:hello"].digest == digest(IMAGE)

    def test_tells_its_progress(self, client: Client) -> None:
        told: list[int] = []
        client.create(
            HELLO, m.Arguments(), io.BytesIO(IMAGE), size=len(IMAGE), policy=POLICY, on_progress=told.append
        )
        assert told == sorted(told)
        assert told[-1] == len(IMAGE)
        assert len(told) == 3

    def test_refuses_a_name_that_is_taken_unless_forced(
        self, client: Client, instance: SimulatedInstance
    ) -> None:
        create(client)
        with pytest.raises(Failure) as refused:
            create(client, image=OTHER_IMAGE)
        assert str(refused.value) == "Unikernel with same name is already running"
        assert refused.value.outcome_known
        create(client, image=OTHER_IMAGE, force=True)
        assert instance.running()["alice:hello"].digest == digest(OTHER_IMAGE)

    def test_passes_on_what_the_instance_refuses(self, client: Client) -> None:
        with pytest.raises(Failure, match="error during ELF parsing"):
            create(client, image=b"no image")

    @pytest.mark.parametrize("error", [-1, 1])
    def test_of_a_file_of_another_size_is_refused(
        self, client: Client, instance: SimulatedInstance, error: int
    ) -> None:
        with pytest.raises(RequestRefused, match=f"{len(IMAGE)} bytes"):
            client.create(HELLO, m.Arguments(), io.BytesIO(IMAGE), size=len(IMAGE) + error, policy=POLICY)
        assert instance.observed.records() == []

    @pytest.mark.parametrize("change", [-1, 1, -70_000])
    def test_of_a_file_that_changes_meanwhile_is_not_completed(
        self, client: Client, instance: SimulatedInstance, change: int
    ) -> None:
        create(client)
        before = instance.running()

        class Changing(io.BytesIO):
            def seek(self, position: int, whence: int = 0) -> int:
                return len(IMAGE) - change if whence else super().seek(position)

        with pytest.raises(CommandError, match="the data"):
            client.create(
                HELLO, m.Arguments(), Changing(IMAGE), size=len(IMAGE) - change, force=True, policy=POLICY
            )
        assert client.unikernel(HELLO, policy=POLICY) == before["alice:hello"]

    def test_of_nothing_is_refused(self, client: Client) -> None:
        with pytest.raises(RequestRefused, match="at least one byte"):
            create(client, image=b"")

    def test_needs_a_name(self, client: Client, instance: SimulatedInstance) -> None:
        with pytest.raises(RequestRefused, match="path"):
            create(client, Name.of("alice"))
        assert instance.observed.records() == []


class TestGetImage:
    def test_gives_back_what_runs(self, client: Client) -> None:
        create(client)
        file = io.BytesIO()
        fetched = client.get_image(HELLO, file, max_size=len(IMAGE), policy=POLICY)
        assert file.getvalue() == IMAGE
        assert fetched == (digest(IMAGE), len(IMAGE), False)

    def test_gives_back_a_compressed_image_plain(self, client: Client) -> None:
        packed = zlib.compress(IMAGE)
        client.create(
            HELLO, m.Arguments(), io.BytesIO(packed), size=len(packed), compressed=True, policy=POLICY
        )
        file = io.BytesIO()
        assert client.get_image(HELLO, file, max_size=10**6, policy=POLICY).digest == digest(IMAGE)
        assert file.getvalue() == IMAGE

    def test_refuses_one_that_is_too_large(self, client: Client) -> None:
        create(client)
        file = io.BytesIO()
        with pytest.raises(ImageRefused, match=f"{len(IMAGE)} bytes"):
            client.get_image(HELLO, file, max_size=len(IMAGE) - 1, policy=POLICY)
        assert file.getvalue() == b""

    def test_of_nothing_fails_in_the_words_of_the_instance(self, client: Client) -> None:
        with pytest.raises(Failure, match="get: no unikernel found"):
            client.get_image(HELLO, io.BytesIO(), max_size=10**6, policy=POLICY)

    def test_asks_its_guard_before_every_piece(self, client: Client) -> None:
        create(client)
        asked: list[int] = []

        def guard() -> float:
            asked.append(1)
            if len(asked) == 4:
                raise KeyError("no more")
            return 5

        file = io.BytesIO()
        with pytest.raises(KeyError):
            client.get_image(HELLO, file, max_size=10**6, policy=POLICY, guard=guard)
        assert 0 < len(file.getvalue()) < len(IMAGE)

    def test_passes_on_that_the_disk_is_full(self, client: Client) -> None:
        class Full(io.BytesIO):
            def write(self, data: object) -> int:
                raise OSError(28, "No space left on device")

        create(client)
        with pytest.raises(OSError, match="No space"):
            client.get_image(HELLO, Full(), max_size=10**6, policy=POLICY)


class TestRestart:
    def test_starts_the_same_again(self, client: Client, instance: SimulatedInstance) -> None:
        create(client)
        before = instance.running()["alice:hello"]
        assert client.restart(HELLO, policy=POLICY) == "created unikernel"
        after = instance.running()["alice:hello"]
        assert replace(after, started=before.started) == before
        assert len(instance.observed.records("killed")) == 1

    def test_of_nothing_is_a_failure(self, client: Client) -> None:
        with pytest.raises(Failure, match="destroy: not found"):
            client.restart(HELLO, policy=POLICY)

    def test_of_something_just_destroyed_is_a_failure_though_albatross_calls_it_a_success(
        self, client: Client
    ) -> None:
        create(client)
        client.destroy(HELLO, policy=POLICY)
        with pytest.raises(Failure, match="destroyed: removed from restarting") as nothing:
            client.restart(HELLO, policy=POLICY)
        assert "nothing was started" in nothing.value.hint


class TestDestroy:
    def test_ends_it(self, client: Client, instance: SimulatedInstance) -> None:
        create(client)
        assert client.destroy(HELLO, policy=POLICY) == "destroyed unikernel"
        assert instance.running() == {}

    def test_of_nothing_is_a_failure(self, client: Client) -> None:
        with pytest.raises(Failure, match="destroy: not found"):
            client.destroy(HELLO, policy=POLICY)

    def test_needs_a_name(self, client: Client) -> None:
        with pytest.raises(RequestRefused):
            client.destroy(Name.of("alice"), policy=POLICY)


class LeaseLost(Exception):
    pass


class TestGuardOfAnUpload:
    """It is asked before the connection, before each of three chunks, and right before the end."""

    CALLS = 5

    @pytest.mark.parametrize("fatal", range(1, CALLS + 1))
    def test_that_raises_at_any_time_leaves_the_instance_untouched(
        self, client: Client, instance: SimulatedInstance, fatal: int
    ) -> None:
        create(client)
        before, calls = instance.running(), 0

        def guard() -> float:
            nonlocal calls
            calls += 1
            if calls == fatal:
                raise LeaseLost
            return 5

        larger = build_image(padding=150_000, behaviour={})
        with pytest.raises(LeaseLost):
            client.create(
                HELLO,
                m.Arguments(),
                io.BytesIO(larger),
                size=len(larger),
                force=True,
                policy=POLICY,
                guard=guard,
            )
        assert client.unikernel(HELLO, policy=POLICY) == before["alice:hello"]
        assert instance.observed.records("killed") == []

    def test_that_never_raises_is_asked_no_more_often(self, client: Client) -> None:
        calls: list[int] = []

        def guard() -> float:
            calls.append(1)
            return 5

        client.create(HELLO, m.Arguments(), io.BytesIO(IMAGE), size=len(IMAGE), policy=POLICY, guard=guard)
        assert len(calls) == self.CALLS


def test_four_threads_share_a_client(client: Client, instance: SimulatedInstance) -> None:
    problems: list[BaseException] = []

    def use(domain: str) -> None:
        try:
            for number in range(5):
                name = Name.of(domain, label=f"n{number}")
                create(client, name, OTHER_IMAGE)
                assert client.unikernel(name, policy=POLICY) is not None
                assert client.destroy(name, policy=POLICY) == "destroyed unikernel"
        except BaseException as problem:  # noqa: BLE001 - shown by the assertion below
            problems.append(problem)

    threads = [threading.Thread(target=use, args=(domain,)) for domain in ("a", "b", "c", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert instance.running() == {}
