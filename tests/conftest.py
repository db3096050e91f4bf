"""What all tests share. Each worker of pytest-xdist has its own folder, broker, database and network."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

from tests import postgresql

# No test asserts times, so neither do those with many examples. `HYPOTHESIS_PROFILE=thorough` looks longer.
_QUIET = hypothesis(deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.register_profile("suite", _QUIET, max_examples=50)
hypothesis.register_profile("thorough", _QUIET, max_examples=1000)
hypothesis.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

pytest_plugins = ["tests.cast", "tests.chromium", "tests.redis_server"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """Start the database server that the settings name, before pytest-django makes its database."""
    if settings.TEST_DATABASE == "postgresql":
        postgresql.start()
    yield
    postgresql.stop()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The database of pytest-django; nobody holds a session of it when it is removed.

    A thread of a server that a test started may do so a little longer than the last test.
    """
    yield
    postgresql.end_sessions()


@pytest.fixture(scope="session", autouse=True)
def no_disk_is_waited_for() -> Iterator[None]:
    """No test survives a power loss, so none waits until its files would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def worker_number(request: pytest.FixtureRequest) -> int:
    """0, 1, …: the worker of pytest-xdist that runs this test."""
    worker: str = getattr(request.config, "workerinput", {}).get("workerid", "gw0")
    return int(worker.removeprefix("gw"))


@pytest.fixture(scope="session")
def simulated_network(worker_number: int) -> str:
    """The part of 127.77.0.0/16 that this worker's simulated instances give to their unikernels."""
    return f"127.77.{100 + worker_number}.0/24"


# `make test` runs both databases at the same time, two workers on each: many tests wait for processes and
# clocks. What takes minutes and knows little difference then runs on one database only: folders and modules. Alone (`pytest tests/...`), everything runs on the
# database that is named.
_ON_ONE = {
    "api": "postgresql",
    "chaos": "sqlite",
    "commands": "sqlite",
    "mail": "postgresql",
    "pages": "sqlite",
    "security": "postgresql",
    "test_crashes": "postgresql",
    "test_up": "sqlite",
    "test_supervisor": "sqlite",
    "test_procfile": "sqlite",
    "upstream": "postgresql",
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the other worker runs, and on PostgreSQL what no database makes a difference to."""
    chosen = _part([item for item in items if _is_ours(item)])
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _part(items: list[pytest.Item]) -> list[pytest.Item]:
    """Those of *items* that this worker of its database runs: whole modules, so that all take about as long."""
    part, parts = map(int, settings.TEST_PART.split("/"))
    weights: Counter[Path] = Counter()
    for item in items:
        weights[item.path] += _weight(item)
    loads, ours = [0] * parts, set()
    for path in sorted(weights, key=lambda path: (-weights[path], str(path))):
        least = loads.index(min(loads))
        loads[least] += weights[path]
        if least == part - 1:
            ours.add(path)
    return [item for item in items if item.path in ours]


def _weight(item: pytest.Item) -> int:
    """About how long a test takes; 1 is 0.05 s."""
    if item.get_closest_marker("processes") or item.get_closest_marker("browser"):
        return 60
    return 4 if _uses_database(item) else 1


def _is_ours(item: pytest.Item) -> bool:
    here = settings.TEST_DATABASE
    places = {_ON_ONE[name] for name in (item.path.stem, item.path.parent.name) if name in _ON_ONE}
    if settings.TEST_SHARED and places and here not in places:
        return False
    return here == "sqlite" or bool(places) or _uses_database(item)


def _uses_database(item: pytest.Item) -> bool:
    if settings.TEST_SHARED and item.get_closest_marker("browser"):
        return False
    names = set(getattr(item, "fixturenames", ()))
    return bool(
        item.get_closest_marker("django_db")
        or item.get_closest_marker("processes")
        or names & {"db", "transactional_db", "live_server"}
    )
