"""What all tests share. Each worker of pytest-xdist has its own folder, broker, database and network."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis

from tests import postgresql
from tests.parts import here, modules_of

# No test asserts times, so neither do those with many examples. `HYPOTHESIS_PROFILE=thorough` looks longer.
_QUIET = hypothesis(deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.register_profile("suite", _QUIET, max_examples=50)
hypothesis.register_profile("thorough", _QUIET, max_examples=1000)
hypothesis.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

pytest_plugins = ["tests.cast", "tests.chromium", "tests.redis_server", "tests.told"]


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


def pytest_collection() -> None:
    """Modules, tests and their parameters stay to the end: to look among them for garbage is lost time."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Of what another worker runs, nothing is even imported: that takes half a minute."""
    if settings.TEST_SHARED and collection_path.match("test_*.py") and ".py" not in "".join(config.args):
        return None if _is_ours(collection_path) else True
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another worker runs."""
    if not settings.TEST_SHARED:
        return
    chosen = {item: _is_ours(item.path) and _makes_a_difference(item) for item in items}
    config.hook.pytest_deselected(items=[item for item in items if not chosen[item]])
    items[:] = [item for item in items if chosen[item]]


def _is_ours(path: Path) -> bool:
    return path in modules_of(settings.TEST_DATABASE, settings.TEST_PART)


def _makes_a_difference(item: pytest.Item) -> bool:
    """Whether a test has to run on this database: one that uses none is run on SQLite, unless its module is not."""
    return settings.TEST_DATABASE == "sqlite" or not here(item.path, "sqlite") or _uses_database(item)


def _uses_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("browser"):
        return False  # what it sees is not the database's
    names = set(getattr(item, "fixturenames", ()))
    return bool(
        item.get_closest_marker("django_db")
        or item.get_closest_marker("processes")
        or names & {"db", "transactional_db", "live_server"}
    )
