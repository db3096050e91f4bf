from __future__ import annotations

import pytest
from pytest_django import Settings

from albatross.models import Instance
from unikernels.models import Unikernel
from unikernels.statistics.folding import fold, prune
from unikernels.statistics.grids import COARSE, DAY, HOUR, STEP, Grid, pack_tick
from unikernels.statistics.models import Stretch, Tick
from unikernels.statistics.rates import Sample

pytestmark = pytest.mark.django_db

START = 20_000 * DAY
LONG_AFTER = START + 5 * HOUR


@pytest.fixture
def instance() -> Instance:
    return Instance.objects.create(name="earth", address="127.0.0.1:1")


@pytest.fixture
def hello(instance: Instance) -> Unikernel:
    return Unikernel.objects.create(instance=instance, path="robur", name="hello")


def used(unikernel: Unikernel, at: int, cpu: float = 0.5) -> None:
    """A tick which says what *unikernel* used, and something else that is not there any more."""
    sample = Sample(cpu, 4096, 1.0, 2.0)
    data = pack_tick({unikernel.pk: sample, unikernel.pk + 1: sample})
    Tick.objects.create(instance_id=unikernel.instance_id, at=at, data=data)


def stretches(step: int) -> list[Grid]:
    rows = Stretch.objects.filter(step=step).order_by("start")
    return [Grid.unpack(row.start, step, bytes(row.data)) for row in rows]


def cpu_at(step: int) -> dict[int, float | None]:
    """What is kept of the CPU, by time since the start."""
    return {at - START: values[0] for grid in stretches(step) for at, values in grid.rows()}


def test_an_hour_that_is_over_is_folded_with_its_means(hello: Unikernel) -> None:
    for at, cpu in ((0, 0.5), (10, 0.1), (HOUR - 10, 0.2)):
        used(hello, START + at, cpu)
    assert fold(LONG_AFTER) == 1
    assert not Tick.objects.exists()
    assert cpu_at(STEP) == pytest.approx({0: 0.5, 10: 0.1, HOUR - 10: 0.2})
    assert cpu_at(COARSE) == pytest.approx({0: 0.3, HOUR - COARSE: 0.2})


def test_the_hour_that_goes_on_is_left_alone(hello: Unikernel) -> None:
    used(hello, START)
    assert fold(START + HOUR + 30) == 0
    assert Tick.objects.exists()


def test_each_hour_has_its_own_row_and_each_day(hello: Unikernel) -> None:
    for hour in (0, 1, 3, 24):
        used(hello, START + hour * HOUR)
    assert fold(START + 2 * DAY) == 4
    assert [grid.start - START for grid in stretches(STEP)] == [0, HOUR, 3 * HOUR, DAY]
    assert [grid.start - START for grid in stretches(COARSE)] == [0, DAY]
    assert len(cpu_at(COARSE)) == 4


def test_a_tick_that_comes_late_is_laid_over_what_is_kept(hello: Unikernel) -> None:
    used(hello, START, 0.5)
    fold(LONG_AFTER)
    used(hello, START + 10, 0.1)
    fold(LONG_AFTER)
    assert cpu_at(STEP) == pytest.approx({0: 0.5, 10: 0.1})
    assert cpu_at(COARSE) == pytest.approx({0: 0.3})
    assert Stretch.objects.count() == 2


def test_folding_again_does_nothing(hello: Unikernel) -> None:
    used(hello, START)
    fold(LONG_AFTER)
    before = list(Stretch.objects.values_list("step", "start", "data"))
    assert fold(LONG_AFTER) == 0
    assert list(Stretch.objects.values_list("step", "start", "data")) == before


def test_what_went_with_its_unikernel_does_not_keep_the_others_waiting(hello: Unikernel) -> None:
    used(hello, START)
    hello.delete()
    assert fold(LONG_AFTER) == 1
    assert not Stretch.objects.exists()
    assert not Tick.objects.exists()


def test_however_long_it_runs_there_are_never_more_rows(hello: Unikernel, settings: Settings) -> None:
    settings.STATISTICS_HOURS, settings.STATISTICS_DAYS = 6, 2
    counts = set()
    for hour in range(24 * 5):
        used(hello, START + hour * HOUR)
        fold(START + (hour + 1) * HOUR + 60)
        prune(START + (hour + 1) * HOUR + 60)
        if hour >= 24 * 4:
            counts.add((Stretch.objects.filter(step=STEP).count(), Tick.objects.count()))
            assert Stretch.objects.filter(step=COARSE).count() <= 3
    assert counts == {(6, 0)}


def test_what_is_kept_reaches_as_far_back_as_promised(hello: Unikernel, settings: Settings) -> None:
    settings.STATISTICS_HOURS, settings.STATISTICS_DAYS = 6, 2
    now = START + 3 * DAY + 90
    for ago in (6 * HOUR, 7 * HOUR, 2 * DAY, 3 * DAY):
        used(hello, (now - ago) // STEP * STEP)
    fold(now)
    prune(now)
    assert min(at for grid in stretches(STEP) for at, _ in grid.rows()) <= now - 6 * HOUR
    assert min(at for grid in stretches(COARSE) for at, _ in grid.rows()) <= now - 2 * DAY


def test_ticks_that_could_not_be_folded_do_not_stay_for_ever(hello: Unikernel) -> None:
    used(hello, START)
    prune(START + 25 * HOUR)
    assert not Tick.objects.exists()
