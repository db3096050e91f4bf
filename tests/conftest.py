"""What all tests share. Each worker of pytest-xdist has its own folder, broker, database and network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings

from tests import postgresql

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


@pytest.fixture(scope="session")
def worker_number(request: pytest.FixtureRequest) -> int:
    """0, 1, …: the worker of pytest-xdist that runs this test."""
    worker: str = getattr(request.config, "workerinput", {}).get("workerid", "gw0")
    return int(worker.removeprefix("gw"))


@pytest.fixture(scope="session")
def simulated_network(worker_number: int) -> str:
    """The part of 127.77.0.0/16 that this worker's simulated instances give to their unikernels."""
    return f"127.77.{100 + worker_number}.0/24"


# `make test` runs both databases at the same time; what takes minutes and knows little difference then
# runs on one of them only: folders and modules. Alone (`pytest tests/...`), everything runs on the
# database that is named.
_ON_ONE = {
    "api": "postgresql",
    "chaos": "sqlite",
    "commands": "sqlite",
    "mail": "postgresql",
    "pages": "sqlite",
    "test_crashes": "postgresql",
    "test_up": "sqlite",
    "test_supervisor": "sqlite",
    "test_procfile": "sqlite",
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the other worker runs, and on PostgreSQL what no database makes a difference to."""
    chosen = [item for item in items if _is_ours(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


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
