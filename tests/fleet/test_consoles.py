from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from albatross.edge import client_for
from albatross.errors import CommandError, RequestRefused
from albatross.models import Instance, ObservedPolicy
from albatross.names import Name
from albatross.simulator import SimulatedInstance
from mollymawk.errors import Unavailable
from tests.fleet.conftest import POLICY, Run, eventually, say
from unikernels.consoles import follower as following
from unikernels.consoles import services, streams
from unikernels.consoles.follower import Follower
from unikernels.consoles.services import history, want
from unikernels.consoles.streams import Line, newest
from unikernels.consoles.tail import tail
from unikernels.inventory.services import reconcile
from unikernels.models import Unikernel
from unikernels.redis import RedisError, connection
from unikernels.watcher.consoles import Consoles

NAME = "robur:hello"


# --- in Redis ----------------------------------------------------------------------------------------


def test_lines_come_back_in_their_order(redis_server: str) -> None:
    streams.append(1, [(1000, "one"), (1000, "two")])
    streams.append_notice(1, datetime(2026, 1, 1, tzinfo=UTC), "three")
    one, two, three = newest(1, 10)
    assert (one.text, one.milliseconds, one.notice) == ("one", 1000, False)
    assert (two.text, three.text, three.notice) == ("two", "three", True)
    assert three.at == datetime(2026, 1, 1, tzinfo=UTC)
    assert one.id < two.id < three.id


def test_the_newest_lines_are_told(redis_server: str) -> None:
    streams.append(1, [(number, str(number)) for number in range(20)])
    assert [line.text for line in newest(1, 3)] == ["17", "18", "19"]


def test_a_stream_is_bounded_and_ends(redis_server: str) -> None:
    for start in range(0, 7000, 500):
        streams.append(1, [(number, "x") for number in range(start, start + 500)])
    assert streams.MAX_ENTRIES <= connection().xlen("console:1") < streams.MAX_ENTRIES + 500
    assert 0 < connection().ttl("console:1") <= streams.KEEP_SECONDS


def test_who_looks_is_known_for_half_a_minute(redis_server: str) -> None:
    want(7)
    want(8)
    want(8)
    assert streams.wanted() == {7, 8}
    assert 0 < connection().ttl("console:want:7") <= 30


# --- following ---------------------------------------------------------------------------------------


@pytest.fixture
def hello(redis_server: str, transactional_db: None, instance: Instance, run: Run) -> Unikernel:
    """A unikernel that printed ``ready``."""
    run(NAME, says=("ready",))
    reconcile(instance)
    return Unikernel.objects.get()


@pytest.fixture
def follow(hello: Unikernel) -> Iterator[Callable[[], Follower]]:
    """Starts a follower, which ends with the test."""
    started: list[Follower] = []

    def follow() -> Follower:
        follower = Follower(hello.pk)
        started.append(follower)
        follower.start()
        return follower

    yield follow
    for follower in started:
        follower.stop()
        follower.join(5)
        assert not follower.is_alive()


Follow = Callable[[], Follower]


def texts(unikernel: Unikernel) -> list[str]:
    """Lines and notices, without those that every simulated unikernel prints when it starts."""
    lines = [line.text for line in newest(unikernel.pk, 5000)]
    return lines[lines.index("ready") :] if "ready" in lines else lines


def has_printed(unikernel: Unikernel, text: str) -> Callable[[], bool]:
    return lambda: any(text in line for line in texts(unikernel))


def followed(unikernel: Unikernel) -> bool:
    return connection().get(streams.state_key(unikernel.pk)) == b"following"


def test_a_follower_writes_what_was_and_what_comes(
    hello: Unikernel, host: SimulatedInstance, follow: Follow
) -> None:
    follow()
    eventually(lambda: followed(hello))
    assert texts(hello) == ["ready"]
    say(host, NAME, "one", "two")
    eventually(has_printed(hello, "two"))
    assert texts(hello) == ["ready", "one", "two"]


def test_what_it_writes_is_harmless(hello: Unikernel, host: SimulatedInstance, follow: Follow) -> None:
    follow()
    say(host, NAME, "\x1b[2Jgone \udcff")
    eventually(has_printed(hello, "gone"))
    assert texts(hello)[-1] == "␛[2Jgone \\xff"


def test_a_broken_connection_loses_and_doubles_nothing(
    hello: Unikernel, host: SimulatedInstance, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(following, "EVICTED_PAUSE", 0.05)
    follow()
    say(host, NAME, "one", "same", "same")
    eventually(has_printed(hello, "same"))
    eventually(lambda: followed(hello))
    break_all(host)
    say(host, NAME, "same", "two")
    eventually(has_printed(hello, "two"))
    lines = [line.text for line in newest(hello.pk, 5000) if not line.notice]
    assert lines[lines.index("ready") :] == ["ready", "one", "same", "same", "same", "two"]


def test_a_new_follower_goes_on_where_the_last_one_was(
    hello: Unikernel, host: SimulatedInstance, follow: Follow
) -> None:
    first = follow()
    say(host, NAME, "one")
    eventually(has_printed(hello, "one"))
    first.stop()
    first.join(5)
    say(host, NAME, "two")
    follow()
    eventually(has_printed(hello, "two"))
    assert texts(hello) == ["ready", "one", "two"]


def test_what_the_instance_forgot_while_nobody_followed_is_a_gap(
    hello: Unikernel, host: SimulatedInstance, follow: Follow
) -> None:
    first = follow()
    say(host, NAME, "one")
    eventually(has_printed(hello, "one"))
    first.stop()
    first.join(5)
    say(host, NAME, *(f"line {number}" for number in range(1500)))  # it keeps 1024
    follow()
    eventually(has_printed(hello, "line 1499"))
    lines = newest(hello.pk, 5000)
    (gap,) = (place for place, line in enumerate(lines) if line.gap)
    assert lines[gap].notice
    assert [line.text for line in (lines[gap - 1], lines[gap + 1])] == ["one", "line 476"]


def break_all(host: SimulatedInstance) -> None:
    """End every subscription, as a restart of the console daemon does."""

    async def close() -> None:
        for console in host._instance.backends.consoles._consoles.values():
            console.close()

    host._call(close())


def test_a_broker_that_lost_everything_is_told_all_again(
    hello: Unikernel, host: SimulatedInstance, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LONGEST_PAUSE", 0.1)
    follow()
    say(host, NAME, "one")
    eventually(has_printed(hello, "one"))
    connection().flushall()
    tried = threading.Event()

    def no_broker(*_: object) -> None:
        tried.set()
        raise RedisError("the broker is being restarted")

    with monkeypatch.context() as broken:
        broken.setattr(streams, "append", no_broker)
        say(host, NAME, "two")
        eventually(tried.is_set)
    eventually(has_printed(hello, "two"))
    assert texts(hello) == ["ready", "one", "two"]


def test_eviction_is_told_and_the_next_try_waits(
    hello: Unikernel, instance: Instance, host: SimulatedInstance, follow: Follow
) -> None:
    """The seventh reader throws out the first."""
    follow()
    eventually(lambda: followed(hello))
    readers = [client_for(instance).console(Name.parse(NAME), count=0, policy=POLICY) for _ in range(6)]
    eventually(has_printed(hello, "Another reader took the place"))
    assert connection().get(streams.state_key(hello.pk)) == b"broken"
    assert len(host.observed.records("arrived", command="console_subscribe")) == 7
    for reader in readers:
        reader.close()


def test_what_is_wrong_is_told_once(
    hello: Unikernel, host: SimulatedInstance, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FIRST_PAUSE", 0.01)
    host.stop()
    follow()
    eventually(has_printed(hello, "cannot be reached"))
    host.start()
    eventually(has_printed(hello, "Following again"))
    notices = [line.text for line in newest(hello.pk, 100) if line.notice]
    assert len(notices) == 2


def test_without_a_policy_it_says_why(hello: Unikernel, follow: Follow) -> None:
    ObservedPolicy.objects.filter(path="robur").delete()
    follow()
    eventually(has_printed(hello, "has no policy for robur"))


def test_a_unikernel_that_is_forgotten_is_not_followed(hello: Unikernel, follow: Follow) -> None:
    Unikernel.objects.all().delete()
    follower = follow()
    follower.join(5)
    assert not follower.is_alive()


def test_a_quiet_follower_ends_at_once(hello: Unikernel, follow: Follow) -> None:
    follower = follow()
    eventually(lambda: followed(hello))
    follower.stop()
    follower.join(2)
    assert not follower.is_alive()
    assert not streams.has_state(hello.pk)


# --- on demand ---------------------------------------------------------------------------------------


@pytest.fixture
def held() -> set[int]:
    """The instances that are ours."""
    return set()


@pytest.fixture
def consoles(hello: Unikernel, held: set[int]) -> Iterator[Consoles]:
    held.add(hello.instance_id)
    consoles = Consoles(held.__contains__)
    yield consoles
    consoles.stop()


def subscribers(host: SimulatedInstance) -> int:
    """How many follow the console on the host."""

    async def count() -> int:
        return len(host._instance.backends.consoles._consoles["robur", "hello"].subscribers)

    return host._call(count())


def test_nobody_looks_and_nothing_is_followed(
    hello: Unikernel, host: SimulatedInstance, consoles: Consoles
) -> None:
    consoles.settle()
    assert subscribers(host) == 0


def test_however_many_look_there_is_one_subscription(
    hello: Unikernel, host: SimulatedInstance, consoles: Consoles
) -> None:
    for _ in range(3):
        want(hello.pk)
        consoles.settle()
    eventually(lambda: followed(hello))
    assert subscribers(host) == 1
    assert len(host.observed.records("arrived", command="console_subscribe")) == 1


def test_when_nobody_looks_any_more_it_ends(
    hello: Unikernel, host: SimulatedInstance, consoles: Consoles
) -> None:
    want(hello.pk)
    consoles.settle()
    eventually(lambda: followed(hello))
    connection().delete(streams.want_key(hello.pk))
    consoles.settle()
    eventually(lambda: not streams.has_state(hello.pk))
    say(host, NAME, "to nobody")
    eventually(lambda: subscribers(host) == 0)


def test_an_instance_that_is_not_ours_is_left_to_others(
    hello: Unikernel, host: SimulatedInstance, consoles: Consoles, held: set[int]
) -> None:
    held.clear()
    want(hello.pk)
    consoles.settle()
    assert subscribers(host) == 0


def test_a_lost_instance_ends_its_followers(hello: Unikernel, consoles: Consoles, held: set[int]) -> None:
    want(hello.pk)
    consoles.settle()
    eventually(lambda: followed(hello))
    held.clear()
    consoles.settle()
    eventually(lambda: not streams.has_state(hello.pk))


def test_a_wish_for_something_unknown_is_harmless(consoles: Consoles) -> None:
    want(999_999)
    consoles.settle()
    consoles.settle()


def test_too_many_are_refused_with_words(
    hello: Unikernel, consoles: Consoles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unikernels.watcher.consoles.MAX_FOLLOWED", 0)
    want(hello.pk)
    for _ in range(3):
        consoles.settle()
    assert [line.notice for line in newest(hello.pk, 10)] == [True]


# --- reading -----------------------------------------------------------------------------------------


def test_a_history_waits_for_the_watcher_a_moment(
    hello: Unikernel, consoles: Consoles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "PATIENCE", 10)
    want(hello.pk)
    consoles.settle()
    lines = history(hello, 1)
    assert [line.text for line in lines] == ["ready"]
    assert isinstance(lines[0], Line)


def test_without_a_watcher_there_is_what_there_is(hello: Unikernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PATIENCE", 0)
    assert history(hello, 10) == []
    assert streams.wanted() == {hello.pk}
    streams.append(hello.pk, [(1, "old")])
    assert [line.text for line in history(hello, 10)] == ["old"]


def test_without_a_broker_a_history_is_unavailable(hello: Unikernel, settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/socket"
    with pytest.raises(Unavailable, match="broker"):
        history(hello, 10)


def test_a_tail_comes_straight_from_the_instance(hello: Unikernel, host: SimulatedInstance) -> None:
    say(host, NAME, "last \x1bwords")
    assert tail(hello, 2) == ["ready", "last ␛words"]


def test_a_tail_raises_what_the_library_raises(hello: Unikernel, host: SimulatedInstance) -> None:
    host.stop()
    with pytest.raises(CommandError):
        tail(hello, 2)
    ObservedPolicy.objects.all().delete()
    with pytest.raises(RequestRefused, match="no policy"):
        tail(hello, 2)
