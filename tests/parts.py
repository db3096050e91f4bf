"""Which modules of tests a worker of ``make test`` runs: known before any is imported.

To import and rewrite all modules takes a worker half a minute, so each imports those that it runs and no others.
Alone (``pytest tests/...``), there is one part, and everything runs on the database that is named.
"""

from __future__ import annotations

import functools
from pathlib import Path

TESTS = Path(__file__).parent

# `make test` runs both databases at the same time, two workers on each: many tests wait for processes and clocks.
# What takes long and knows no difference then runs on one database only: folders and modules. Locks, constraints,
# order, JSON and transactions are on both: leases, races, services, and of each kind of story at least one.
ON_ONE = {
    "api": "postgresql",
    "chaos": "sqlite",
    "commands": "sqlite",
    "fleet/test_consoles": "sqlite",  # Redis
    "fleet/test_consoles_left": "sqlite",
    "fleet/test_stream": "sqlite",
    "mail": "sqlite",
    "operations/test_answers": "sqlite",  # the same steps as in upgrades, rollbacks and deploys
    "operations/test_builds": "postgresql",
    "operations/test_capture": "postgresql",
    "operations/test_configure": "sqlite",
    "operations/test_faults_of_the_original": "sqlite",
    "operations/test_may_exit": "postgresql",
    "pages": "sqlite",
    "processes/test_action": "postgresql",
    "processes/test_crashes": "postgresql",
    "processes/test_messages": "postgresql",  # with several workers one does not stay with SQLite
    "processes/test_newcomer": "sqlite",
    "processes/test_procfile": "sqlite",
    "processes/test_supervisor": "sqlite",
    "processes/test_up": "sqlite",
    "processes/test_watchers": "postgresql",
    "security": "sqlite",
    "statistics/test_feed": "postgresql",
    "upstream": "sqlite",
}

# About how many seconds the longest take beside each other on two cores.
SECONDS = {
    "accounts/test_oidc": 12,
    "accounts/test_pages": 12,
    "accounts/test_people": 10,
    "albatross/test_wire": 24,
    "alerts/test_rules": 11,
    "alerts/test_telling": 18,
    "api/test_fuzz": 179,
    "api/test_lists": 24,
    "api/test_matrix": 34,
    "api/test_problems": 20,
    "api/test_races": 17,
    "api/test_schemathesis": 56,
    "api/test_upgrade": 17,
    "audit/test_admin": 12,
    "backup/test_backup": 12,
    "builds/test_polling": 12,
    "chaos/test_chaos": 60,
    "fleet/test_consoles": 16,
    "fleet/test_stream": 22,
    "fleet/test_watcher": 20,
    "mail/test_verdicts": 21,
    "operations/test_answers": 26,
    "operations/test_builds": 16,
    "operations/test_configure": 31,
    "operations/test_faults_of_the_original": 32,
    "operations/test_lease": 38,
    "operations/test_restart_destroy": 12,
    "operations/test_rollback": 27,
    "operations/test_upgrade": 17,
    "pages/test_axe": 95,
    "pages/test_block_browser": 18,
    "pages/test_blocks": 12,
    "pages/test_browser": 55,
    "pages/test_console_browser": 22,
    "pages/test_instances": 12,
    "pages/test_statistics": 10,
    "pages/test_upgrade_story": 31,
    "processes/test_action": 103,
    "processes/test_crashes": 410,
    "processes/test_messages": 123,
    "processes/test_newcomer": 63,
    "processes/test_procfile": 49,
    "processes/test_up": 145,
    "processes/test_watchers": 95,
    "security/test_admin": 22,
    "security/test_api": 16,
    "security/test_browser": 10,
    "security/test_canaries": 25,
    "security/test_headers": 27,
    "security/test_pages": 35,
    "security/test_strangers": 44,
    "statistics/test_feed": 21,
    "test_layering": 13,
    "updates/test_story": 16,
}


def here(path: Path, database: str) -> bool:
    """Whether a module runs on *database* when both share the work."""
    return ON_ONE.get(_name(path), ON_ONE.get(path.parent.name, database)) == database


@functools.cache
def modules_of(database: str, part: str) -> frozenset[Path]:
    """Those of *database* that *part*, as ``1/2``, runs: so that all parts take about as long."""
    number, parts = map(int, part.split("/"))
    weights = {path: weight(path, database) for path in TESTS.rglob("test_*.py") if here(path, database)}
    loads, ours = [0.0] * parts, set()
    for path in sorted(weights, key=lambda path: (-weights[path], str(path))):
        least = loads.index(min(loads))
        loads[least] += weights[path]
        if least == number - 1:
            ours.add(path)
    return frozenset(ours)


def weight(path: Path, database: str) -> float:
    """About how many seconds a module takes: measured, else guessed by its length."""
    if (name := _name(path)) in SECONDS:
        return SECONDS[name]
    text = path.read_text(encoding="utf-8")
    return len(text) / 2500 if database == "sqlite" or "django_db" in text else 0.5


def _name(path: Path) -> str:
    """``api/test_matrix``: a module as it is called above."""
    return path.relative_to(TESTS).with_suffix("").as_posix()
