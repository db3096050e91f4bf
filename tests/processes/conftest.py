"""Installations that tests share, and ones of their own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.processes.running import Up

MakeUp = Callable[[], Up]
NextNetwork = Callable[[], str]


@pytest.fixture(scope="session")
def next_network(worker_number: int) -> NextNetwork:
    """Parts of 127.77.0.0/16 for simulated unikernels that nobody else in this run uses."""
    numbers = itertools.count(150 + 25 * worker_number)
    return lambda: f"127.77.{next(numbers)}.0/24"


@pytest.fixture
def make_up(tmp_path: Path, next_network: NextNetwork) -> Iterator[MakeUp]:
    """Makes installations that end with the test."""
    made: list[Up] = []

    def make_up() -> Up:
        made.append(Up(tmp_path / f"data{len(made)}", next_network()))
        return made[-1]

    yield make_up
    for up in made:
        up.stop()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, next_network: NextNetwork) -> Iterator[Up]:
    """An installation that runs for all tests of a module."""
    up = Up(tmp_path_factory.mktemp("up") / "data", next_network())
    try:
        up.start()
        yield up
    finally:
        up.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the installation said last."""
    report = yield
    up = getattr(item, "funcargs", {}).get("up")
    if report.failed and isinstance(up, Up):
        report.sections.append(("the last lines of up", "\n".join(up.lines[-80:])))
    return report
