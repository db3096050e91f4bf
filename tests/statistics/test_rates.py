from __future__ import annotations

from dataclasses import replace

import pytest

from albatross.messages import InterfaceUsage, MemoryUsage, ResourceUsage, Statistics, TimeVal
from unikernels.statistics.rates import Counters, Sample, counters_of, sample_of

BEFORE = Counters(at=100.0, cpu=5.0, memory=4096, received=1000, sent=2000)
LATER = Counters(at=110.0, cpu=6.5, memory=8192, received=1500, sent=4000)


def interface(taken_in: int, given_out: int) -> InterfaceUsage:
    """A network device as the host counts it."""
    return InterfaceUsage("service", 0, 0, 0, 0, 1500, 0, 1, 0, 1, 0, 0, taken_in, given_out, 0, 0, 0, 0)


def told(*interfaces: InterfaceUsage, memory: MemoryUsage | None = None) -> Statistics:
    usage = ResourceUsage(TimeVal(3, 250_000), TimeVal(1, 500_000), 20, *[0] * 13)
    return Statistics(usage, interfaces, memory=memory)


def test_cpu_is_the_time_in_the_program_and_in_the_kernel() -> None:
    assert counters_of(told(), at=1).cpu == 4.75


def test_memory_is_reported_in_pages() -> None:
    assert counters_of(told(memory=MemoryUsage(0, 3, 0, 0, 0, 0, 0, TimeVal(0, 0))), at=1).memory == 12288
    assert counters_of(told(), at=1).memory == 20 * 4096


def test_what_the_host_takes_in_was_sent_by_the_unikernel() -> None:
    found = counters_of(told(interface(1, 10), interface(2, 20)), at=1)
    assert (found.sent, found.received) == (3, 30)


def test_rates_are_differences_over_the_time_between() -> None:
    assert sample_of(BEFORE, LATER) == Sample(cpu=0.15, memory=8192, received=50, sent=200)


def test_of_the_first_look_only_the_memory_is_known() -> None:
    assert sample_of(None, LATER) == Sample(None, 8192, None, None)


@pytest.mark.parametrize("fallen", [{"cpu": 0.1}, {"received": 0}, {"sent": 1999}])
def test_a_counter_that_fell_begins_anew(fallen: dict[str, float]) -> None:
    assert sample_of(BEFORE, replace(LATER, **fallen)) == Sample(None, 8192, None, None)  # type: ignore[arg-type]  # of each its own


@pytest.mark.parametrize("at", [100.0, 99.0, 161.0])
def test_looks_too_far_apart_or_at_the_same_time_tell_no_rate(at: float) -> None:
    assert sample_of(BEFORE, replace(LATER, at=at)).cpu is None
