from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pytest_django import DjangoAssertNumQueries

from albatross.models import Instance
from tests.statistics.history import MEMORY, folded, used
from unikernels.models import Operation, Unikernel
from unikernels.operations.machine import Kind, State
from unikernels.statistics.grids import COARSE, DAY, HOUR, STEP, Grid
from unikernels.statistics.models import Feed, Stretch
from unikernels.statistics.reading import good_step, last_change, latest, series, sparks, total
from unikernels.statistics.recent import Recent

pytestmark = pytest.mark.django_db

NOW = 20_000 * DAY + 12 * HOUR + 600


@pytest.fixture
def instance() -> Instance:
    return Instance.objects.create(name="earth", address="127.0.0.1:1")


@pytest.fixture
def hello(instance: Instance) -> Unikernel:
    return Unikernel.objects.create(instance=instance, path="robur", name="hello")


@pytest.fixture
def other(instance: Instance) -> Unikernel:
    return Unikernel.objects.create(instance=instance, path="robur", name="other")


def cpu(grid: Grid) -> list[float | None]:
    return [values[0] for _, values in grid.rows()]


def test_what_was_packed_and_what_was_not_yet_are_one_series(hello: Unikernel) -> None:
    used([hello], NOW - HOUR, NOW)
    folded(NOW)
    assert Stretch.objects.exists()
    grid = series(hello, since=NOW - HOUR, until=NOW, step=STEP)
    assert cpu(grid) == [0.25] * 360
    assert (grid.start, grid.end) == (NOW - HOUR, NOW)


@pytest.mark.parametrize("step", [30, 60, COARSE, 900])
def test_larger_steps_have_the_same_means(hello: Unikernel, step: int) -> None:
    used([hello], NOW - HOUR, NOW)
    folded(NOW)
    grid = series(hello, since=NOW - HOUR, until=NOW, step=step)
    assert set(cpu(grid)) == {0.25}
    assert len(cpu(grid)) == -(-(grid.end - grid.start) // step)


def test_means_of_five_minutes_outlive_the_samples(hello: Unikernel) -> None:
    used([hello], NOW - 2 * DAY, NOW - 2 * DAY + HOUR)
    folded(NOW)
    Stretch.objects.filter(step=STEP).delete()
    assert len(cpu(series(hello, since=NOW - 3 * DAY, until=NOW, step=COARSE))) == 12
    assert cpu(series(hello, since=NOW - 3 * DAY, until=NOW, step=STEP)) == []


def test_nothing_of_another_unikernel_is_told(hello: Unikernel, other: Unikernel) -> None:
    used([other], NOW - HOUR, NOW)
    assert cpu(series(hello, since=NOW - HOUR, until=NOW, step=STEP)) == []


@pytest.mark.parametrize("since", [NOW + HOUR, NOW, 2**61])
def test_of_the_future_nothing_is_known(hello: Unikernel, since: int) -> None:
    assert cpu(series(hello, since=since, until=NOW, step=STEP)) == []


def test_a_series_costs_two_queries_however_long(
    hello: Unikernel, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    used([hello], NOW - 5 * HOUR, NOW)
    folded(NOW)
    for since in (NOW - HOUR, NOW - DAY):
        with django_assert_num_queries(2):
            series(hello, since=since, until=NOW, step=STEP)


def test_the_total_of_an_instance_is_that_of_those_who_are_asked_for(
    hello: Unikernel, other: Unikernel, instance: Instance
) -> None:
    used([hello, other], NOW - HOUR, NOW)
    folded(NOW)
    both = total(instance.pk, [hello.pk, other.pk], since=NOW - HOUR, until=NOW, step=COARSE)
    assert set(cpu(both)) == {0.5}
    assert both.last() == (0.5, 2 * MEMORY, 2000, 4000)
    one = total(instance.pk, [hello.pk], since=NOW - HOUR, until=NOW, step=COARSE)
    assert set(cpu(one)) == {0.25}


def test_of_now_there_is_the_newest_sample_of_the_last_minute(
    hello: Unikernel, other: Unikernel, instance: Instance
) -> None:
    used([other], NOW - 120, NOW - 100)
    used([hello], NOW - 30, NOW - 20, cpu=0.5)
    used([hello], NOW - 20, NOW - 10, cpu=0.75)
    assert latest([instance.pk], NOW) == {hello.pk: (0.75, MEMORY, 1000, 2000)}
    assert latest([], NOW) == {}


def test_the_last_hour_of_a_list_moves_on_by_itself(hello: Unikernel, instance: Instance) -> None:
    recent = Recent()
    recent.take(NOW - 60, {hello.pk: 1000})
    recent.take(NOW, {})
    Feed.objects.create(instance=instance, recent=recent.pack(), minute=recent.minute)
    assert sparks({instance.pk: {hello.pk}}, NOW)[instance.pk].line(hello.pk)[-1] == 0.1
    assert sparks({instance.pk: {hello.pk}}, NOW + 120)[instance.pk].line(hello.pk)[-3:] == [0.1, None, None]


@pytest.mark.parametrize(("seconds", "step"), [(HOUR, 10), (DAY, 300), (30 * DAY, 3600), (400 * DAY, 3600)])
def test_a_drawing_has_as_many_points_as_a_screen(seconds: int, step: int) -> None:
    assert good_step(seconds) == step


# --- before and after --------------------------------------------------------------------------------


def changed(unikernel: Unikernel, began: int, **fields: object) -> Operation:
    """An upgrade that took half a minute."""
    moments = {
        "armed_at": datetime.fromtimestamp(began, UTC),
        "finished_at": datetime.fromtimestamp(began + 30, UTC),
        "deadline_at": datetime.fromtimestamp(began + 900, UTC),
    }
    facts = {"kind": Kind.UPGRADE, "state": State.SUCCEEDED, "credential": "session"} | moments | fields
    return Operation.objects.create(unikernel=unikernel, **facts)


@pytest.mark.parametrize("ago", [HOUR, 3 * DAY])
def test_before_and_after_an_upgrade_are_compared(hello: Unikernel, ago: int) -> None:
    began = (NOW - ago) // COARSE * COARSE
    used([hello], began - HOUR, began, cpu=0.2)
    used([hello], began + COARSE, began + HOUR, cpu=0.4)
    folded(NOW)
    operation = changed(hello, began)
    change = last_change(hello, NOW)
    assert change is not None
    assert (change.operation, change.at) == (operation, began)
    assert change.before == pytest.approx((0.2, MEMORY, 1000, 2000))
    assert change.after[0] == pytest.approx(0.4)


def test_what_changed_nothing_is_not_compared(hello: Unikernel) -> None:
    assert last_change(hello, NOW) is None
    changed(hello, NOW - HOUR, kind=Kind.RESTART)
    changed(hello, NOW - HOUR, state=State.ROLLED_BACK)
    changed(hello, NOW - 40 * DAY)
    assert last_change(hello, NOW) is None


def test_of_several_the_last_is_compared(hello: Unikernel) -> None:
    changed(hello, NOW - 2 * HOUR)
    newest = changed(hello, NOW - HOUR, kind=Kind.ROLLBACK)
    change = last_change(hello, NOW)
    assert change is not None
    assert change.operation == newest
    assert change.before == change.after == (None,) * 4
