from __future__ import annotations

import pytest

from albatross.models import Instance
from albatross.names import Name
from unikernels.models import Unikernel
from unikernels.statistics.grids import find_in_tick
from unikernels.statistics.keeper import Keeper, write
from unikernels.statistics.models import Feed, Tick
from unikernels.statistics.rates import Counters
from unikernels.statistics.recent import Recent

pytestmark = pytest.mark.django_db

HELLO = Name.parse("robur:hello")


@pytest.fixture
def instance() -> Instance:
    return Instance.objects.create(name="earth", address="127.0.0.1:1")


@pytest.fixture
def hello(instance: Instance) -> Unikernel:
    return Unikernel.objects.create(instance=instance, path="robur", name="hello")


@pytest.fixture
def keeper(instance: Instance, hello: Unikernel) -> Keeper:
    return Keeper(instance.pk)


def counters(at: float, cpu: float) -> dict[Name, Counters]:
    """What an instance tells of one unikernel."""
    return {HELLO: Counters(at, cpu, 4096, 0, 0)}


def cpu_in(tick: Tick | None, unikernel: Unikernel) -> int | None:
    """What a tick says of the CPU, in hundredths of a percent."""
    assert tick is not None
    numbers = find_in_tick(bytes(tick.data), unikernel.pk)
    return numbers[0] if numbers else None


def test_a_tick_has_what_was_used_since_the_one_before(keeper: Keeper, hello: Unikernel) -> None:
    keeper.tick(1000, counters(0, 1))
    tick = keeper.tick(1010, counters(10, 2))
    assert tick is not None
    assert tick.at == 1010
    assert cpu_in(tick, hello) == 1000


def test_a_host_that_tells_more_often_is_kept_every_ten_seconds(keeper: Keeper, hello: Unikernel) -> None:
    keeper.tick(1000, counters(0, 1))
    assert [keeper.tick(1000 + second, counters(second, 9)) for second in range(1, 10)] == [None] * 9
    assert cpu_in(keeper.tick(1010.5, counters(10, 2)), hello) == 1000


def test_a_clock_that_was_set_back_far_begins_anew(keeper: Keeper) -> None:
    keeper.tick(9000, counters(0, 1))
    assert keeper.tick(8990, counters(10, 2)) is None
    assert keeper.tick(5000, counters(20, 2)) is not None


def test_what_nobody_knows_is_left_out_until_it_is_known(keeper: Keeper, instance: Instance) -> None:
    found = counters(0, 1) | {Name.parse("robur:new"): Counters(0, 1, 4096, 0, 0)}
    tick = keeper.tick(1000, found)
    assert tick is not None
    new = Unikernel.objects.create(instance=instance, path="robur", name="new")
    assert cpu_in(tick, new) is None
    later = keeper.tick(1010, found)
    assert later is not None
    assert find_in_tick(bytes(later.data), new.pk) is not None


def test_nothing_is_written_of_nothing(instance: Instance) -> None:
    assert Keeper(instance.pk).tick(1000, counters(0, 1)) is None


def test_all_ticks_are_one_insert_and_a_time_is_written_once(
    keeper: Keeper, django_assert_num_queries: object
) -> None:
    first, second = keeper.tick(1000, counters(0, 1)), keeper.tick(1010, counters(10, 2))
    assert first is not None
    assert second is not None
    with django_assert_num_queries(1):  # type: ignore[operator]  # a fixture without types
        write([first, second])
    write([Tick(instance_id=first.instance_id, at=1000, data=b"")])
    assert Tick.objects.get(at=1000).data == first.data


def test_the_last_hour_is_written_each_minute_and_found_by_the_next_watcher(
    keeper: Keeper, hello: Unikernel, instance: Instance
) -> None:
    for second in range(0, 130, 10):
        keeper.tick(6000 + second, counters(second, second / 10))
    feed = Feed.objects.get()
    assert Recent.unpack(feed.minute, bytes(feed.recent)).line(hello.pk)[-2:] == [0.1, 0.1]
    other = Keeper(instance.pk)
    for second in range(130, 250, 10):
        other.tick(6000 + second, counters(second, second / 5))
    feed.refresh_from_db()
    line = Recent.unpack(feed.minute, bytes(feed.recent)).line(hello.pk)
    assert line[-4:] == [0.1, 0.1, 0.2, 0.2]
