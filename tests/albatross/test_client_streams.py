"""Consoles and statistics, on a simulated instance."""

from __future__ import annotations

import io
import threading
from itertools import islice

import pytest

from albatross import messages as m
from albatross.client import Client, Stream
from albatross.errors import ClosedWithoutAnswer, Failure, NameInvalid, RequestRefused
from albatross.names import Name
from albatross.simulator import SimulatedInstance
from albatross.simulator.images import build_image
from albatross.transport import Limits
from tests.albatross.conftest import POLICY, client_of

HELLO = Name.of("alice", label="hello")
PATIENCE = 10.0  # seconds until a test gives up


def run(client: Client, name: Name = HELLO, **behaviour: object) -> None:
    image = build_image(behaviour=behaviour)
    client.create(name, m.Arguments(), io.BytesIO(image), size=len(image), policy=POLICY)


def restart_with_line(client: Client, line: str) -> None:
    """Have another line printed on the console of HELLO."""
    image = build_image(behaviour={"lines": [line]})
    client.create(HELLO, m.Arguments(), io.BytesIO(image), size=len(image), force=True, policy=POLICY)


def read_until(stream: Stream[m.ConsoleLine], text: str) -> m.ConsoleLine:
    for line in stream:
        if line.text == text:
            return line
    raise AssertionError("the stream ended")


class TestConsole:
    def test_brings_the_history_then_what_is_new(self, client: Client) -> None:
        run(client, lines=["first", "second"])
        with client.console(HELLO, policy=POLICY) as stream:
            assert not stream.waiting
            read_until(stream, "first")
            read_until(stream, "second")
            restart_with_line(client, "third")
            read_until(stream, "third")

    def test_brings_the_last_lines_only(self, client: Client) -> None:
        run(client, lines=[str(number) for number in range(9)])
        with client.console(HELLO, count=3, policy=POLICY) as stream:
            assert [line.text for line in islice(stream, 3)] == ["6", "7", "8"]

    def test_brings_nothing_old_when_asked_so(self, client: Client) -> None:
        run(client, lines=["old"])
        with client.console(HELLO, count=0, policy=POLICY) as stream:
            assert stream.read(timeout=0.01) is None
            assert not stream.closed
            restart_with_line(client, "new")
            read_until(stream, "new")

    def test_brings_the_lines_since_a_time_and_at_it(self, client: Client) -> None:
        run(client, lines=["before"])
        restart_with_line(client, "after")
        moment = client.console_history(HELLO, policy=POLICY)[-1].timestamp
        with client.console(HELLO, since=moment, policy=POLICY) as stream:
            read_until(stream, "after")

    def test_of_something_unknown_waits_for_it(self, client: Client) -> None:
        run(client, Name.of("alice", label="other"))
        run(client, Name.of("alice", label="another"))
        with client.console(HELLO, policy=POLICY) as stream:
            assert stream.waiting
            run(client, lines=["here I am"])
            read_until(stream, "here I am")

    def test_brings_what_is_there_without_waiting(self, client: Client) -> None:
        run(client, lines=["first", "second"])
        with client.console(HELLO, count=2, policy=POLICY) as stream:
            assert stream.read(PATIENCE) is not None
            assert stream.read(timeout=0) is not None
            assert stream.read(timeout=0) is None

    def test_keeps_every_byte(self, client: Client) -> None:
        text = "\x1b[31mé\u2028 <script>"
        run(client, lines=[text])
        with client.console(HELLO, policy=POLICY) as stream:
            read_until(stream, text)

    def test_is_evicted_by_the_seventh_reader(self, client: Client) -> None:
        run(client)
        streams = [client.console(HELLO, count=0, policy=POLICY) for _ in range(7)]
        with pytest.raises(Failure, match="exception while reading from fd") as evicted:
            streams[0].read(PATIENCE)
        assert "Another reader" in evicted.value.hint
        assert streams[0].closed
        assert streams[0].read(PATIENCE) is None
        for stream in streams:
            stream.close()

    def test_ends_in_an_error_when_the_instance_goes_away(
        self, client: Client, instance: SimulatedInstance
    ) -> None:
        run(client)
        with client.console(HELLO, count=0, policy=POLICY) as stream:
            instance.stop()
            with pytest.raises((ClosedWithoutAnswer, Failure)):
                read_until(stream, "never")

    @pytest.mark.parametrize("count", [-1, 2**62])
    def test_is_never_asked_for_lines_that_nobody_can_count(
        self, client: Client, instance: SimulatedInstance, count: int
    ) -> None:
        with pytest.raises(RequestRefused):
            client.console(HELLO, count=count, policy=POLICY)
        assert instance.observed.records() == []

    def test_needs_the_name_of_a_single_thing(self, client: Client) -> None:
        with pytest.raises(RequestRefused):
            client.console(Name.of("alice"), policy=POLICY)

    def test_takes_either_a_count_or_a_time(self, client: Client) -> None:
        with pytest.raises(RequestRefused):
            client.console(HELLO, count=1, since=m.Timestamp(0), policy=POLICY)


class TestHistory:
    def test_is_what_was_printed(self, client: Client) -> None:
        run(client, lines=["a", "b", "c"])
        assert [line.text for line in client.console_history(HELLO, policy=POLICY)][-3:] == ["a", "b", "c"]
        assert [line.text for line in client.console_history(HELLO, 2, policy=POLICY)] == ["b", "c"]

    def test_outlives_the_unikernel(self, client: Client) -> None:
        run(client, lines=["last words"])
        client.destroy(HELLO, policy=POLICY)
        assert "last words" in [line.text for line in client.console_history(HELLO, policy=POLICY)]
        assert client.inactive_consoles() == [HELLO]
        assert client.inactive_consoles(("alice",), policy=POLICY) == [HELLO]

    def test_of_something_unknown_is_empty(self, client: Client) -> None:
        assert client.console_history(Name.of(label="nothing")) == []

    def test_ends_though_the_console_is_never_quiet(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("albatross.client.api.HISTORY_TIME", 0.05)
        run(client, tick="again", every=0.01)
        assert client.console_history(HELLO, policy=POLICY)


class TestClosing:
    def test_from_another_thread_ends_the_iteration(self, client: Client) -> None:
        run(client)
        stream = client.console(HELLO, count=0, policy=POLICY)
        lines: list[m.ConsoleLine] = []
        reader = threading.Thread(target=lambda: lines.extend(stream))
        reader.start()
        stream.close()
        reader.join(PATIENCE)
        assert not reader.is_alive()
        assert lines == []
        assert stream.closed

    def test_from_many_threads_at_once_is_harmless(self, client: Client) -> None:
        run(client, tick="x", every=0.001)
        stream = client.console(HELLO, policy=POLICY)
        closers = [threading.Thread(target=stream.close) for _ in range(4)]
        reader = threading.Thread(target=lambda: list(stream))
        for thread in (reader, *closers):
            thread.start()
        for thread in (reader, *closers):
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def test_is_noticed_by_the_instance(self, client: Client) -> None:
        run(client)
        for _ in range(20):  # more than the subscribers that are allowed
            client.console(HELLO, count=0, policy=POLICY).close()
        with client.console(HELLO, count=0, policy=POLICY) as stream:
            assert stream.read(timeout=0.01) is None


class TestStatistics:
    def test_of_a_unikernel_carry_its_absolute_name(self, client: Client) -> None:
        run(client)
        run(client, Name.of("alice", label="other"))
        with client.statistics(HELLO, policy=POLICY) as stream:
            samples = list(islice(stream, 2))
        assert [name for name, _ in samples] == [HELLO, HELLO]
        assert all(isinstance(sample, m.Statistics) for _, sample in samples)

    @pytest.mark.parametrize(("path", "policies"), [((), 0), (("alice",), 1)])
    def test_of_a_path_are_of_everything_below(
        self, client: Client, path: tuple[str, ...], policies: int
    ) -> None:
        other = Name.of("alice", label="other")
        run(client)
        run(client, other)
        with client.statistics(Name(path), policy=(POLICY,) * policies) as stream:
            assert {name for name, _ in islice(stream, 4)} == {HELLO, other}

    def test_of_nothing_are_silent(self, client: Client) -> None:
        with client.statistics(Name()) as stream:
            assert stream.read(timeout=0.2) is None

    def test_have_one_reader_for_each_path(self, client: Client) -> None:
        run(client)
        with client.statistics(Name()) as first, client.statistics(Name()) as second:
            with pytest.raises(Failure):
                list(first)
            assert second.read(PATIENCE) is not None

    def test_may_be_quiet_longer_than_the_limits_of_a_command(self, instance: SimulatedInstance) -> None:
        client = client_of(instance, Limits(idle=0.3, total=0.3))
        with client.statistics(Name()) as stream:
            assert stream.read(timeout=0.5) is None
            run(client)
            assert stream.read(PATIENCE) is not None

    def test_of_what_is_no_name_are_not_asked_for(self, client: Client) -> None:
        with pytest.raises(NameInvalid):
            client.statistics(Name((), "no_label"))
