from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unikernels.statistics.grids import (
    MISSING,
    Grid,
    find_in_tick,
    numbers_of,
    pack_tick,
    read_tick,
    values_of,
)
from unikernels.statistics.rates import Sample

SAMPLE = Sample(0.25, 2048, 10.0, 20.0)
NUMBERS = (2500, 2, 10, 20)
NOTHING = (MISSING,) * 4


def grid(start: int, step: int, *cpu: int | None) -> Grid:
    """A grid of which only the CPU is known."""
    made = Grid.empty(start, step, len(cpu))
    for place, number in enumerate(cpu):
        made.columns[0][place] = MISSING if number is None else number
    return made


def cpu_of(made: Grid) -> list[int | None]:
    return [None if number == MISSING else number for number in made.columns[0]]


def test_a_sample_comes_back_in_its_units() -> None:
    assert values_of(numbers_of(SAMPLE)) == pytest.approx(SAMPLE)
    assert values_of(numbers_of(Sample(None, 0, None, None))) == (None, 0, None, None)


def test_what_is_too_much_is_told_as_the_most_and_never_as_missing() -> None:
    cpu, *_, sent = numbers_of(Sample(1e9, 0, 0, 1e18))
    assert cpu == sent == MISSING - 1


def test_a_tick_holds_all_unikernels_of_an_instance() -> None:
    data = pack_tick({7: SAMPLE, 8: SAMPLE._replace(sent=None)})
    assert dict(read_tick(data)) == {7: NUMBERS, 8: (2500, 2, 10, MISSING)}


def test_one_is_found_in_a_tick_and_not_in_the_numbers_of_another() -> None:
    data = pack_tick({2**32 + 2: Sample(0.0002, 2048, 2, 0), 2: SAMPLE})
    assert find_in_tick(data, 2) == NUMBERS
    assert find_in_tick(data, 2 + 2 * 2**32) is None
    assert find_in_tick(data, 3) is None


@given(st.lists(st.tuples(*[st.integers(0, MISSING)] * 4), max_size=20))
def test_a_packed_grid_comes_back(rows: list[tuple[int, int, int, int]]) -> None:
    made = Grid.empty(600, 10, len(rows))
    for place, row in enumerate(rows):
        made.put(600 + 10 * place, row)
    assert Grid.unpack(600, 10, made.pack()) == made


def test_what_lies_outside_is_not_written() -> None:
    made = Grid.empty(100, 10, 2)
    for at in (90, 120):
        made.put(at, NUMBERS)
    assert list(made.rows()) == []


def test_only_rows_of_which_something_is_known_are_told() -> None:
    made = Grid.empty(100, 10, 3)
    made.put(110, NUMBERS)
    ((at, values),) = made.rows()
    assert at == 110
    assert values == pytest.approx(SAMPLE)


def test_a_grid_covers_a_time_from_its_own_distances() -> None:
    made = Grid.covering(109, 131, 10)
    assert (made.start, len(made), made.end) == (100, 4, 140)
    assert len(Grid.covering(100, 100, 10)) == 0


@pytest.mark.parametrize(
    ("start", "laid"),
    [
        (70, [1, 2, 3]),
        (80, [6, 2, 3]),
        (90, [1, 6, 3]),
        (100, [5, 2, 6]),
        (110, [1, 5, 3]),
        (120, [1, 2, 5]),
        (130, [1, 2, 3]),
    ],
)
def test_what_is_known_is_laid_over_where_both_overlap(start: int, laid: list[int]) -> None:
    below = grid(100, 10, 1, 2, 3)
    below.lay(grid(start, 10, 5, None, 6))
    assert cpu_of(below) == laid


def test_a_coarser_grid_has_means_of_what_is_known() -> None:
    assert cpu_of(grid(0, 10, 10, None, 20, None, None, None, 7).coarser(30)) == [15, None, 7]


def test_a_coarser_grid_begins_at_its_own_distances() -> None:
    made = grid(50, 10, 1, 3, 5, 7, 9).coarser(30)
    assert (made.start, cpu_of(made)) == (30, [1, 5, 9])


def test_the_sum_of_two_is_that_of_what_is_known() -> None:
    total = grid(0, 10, 1, None, None)
    total.add(grid(0, 10, 2, 3, None))
    assert cpu_of(total) == [3, 3, None]


def test_mean_most_and_last() -> None:
    made = grid(0, 10, 10_000, 30_000, 20_000, None)
    assert (made.mean()[0], made.most()[0], made.last()[0]) == (2.0, 3.0, 2.0)
    assert made.mean()[1] is made.most()[1] is made.last()[1] is None
