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
    "mail": "postgresql",
    "operations/test_answers": "postgresql",  # the same steps as in upgrades, rollbacks and deploys
    "operations/test_builds": "postgresql",
    "operations/test_capture": "postgresql",
    "operations/test_configure": "postgresql",
    "operations/test_faults_of_the_original": "postgresql",
    "operations/test_may_exit": "postgresql",
    "pages": "sqlite",
    "processes/test_action": "postgresql",
    "processes/test_crashes": "postgresql",
    "processes/test_newcomer": "sqlite",
    "processes/test_procfile": "sqlite",
    "processes/test_supervisor": "sqlite",
    "processes/test_up": "sqlite",
    "processes/test_watchers": "postgresql",
    "security": "sqlite",
    "statistics/test_feed": "postgresql",
    "upstream": "postgresql",
}

# About how many seconds the longest take beside each other on two cores.
SECONDS = {
    "accounts/test_invitations": 13,
    "albatross/test_wire": 15,
    "alerts/test_telling": 13,
    "api/test_fuzz": 164,
    "api/test_images": 13,
    "api/test_lists": 26,
    "api/test_matrix": 33,
    "api/test_problems": 21,
    "api/test_races": 15,
    "api/test_schemathesis": 46,
    "api/test_upgrade": 16,
    "audit/test_admin": 19,
    "chaos/test_chaos": 45,
    "fleet/test_watcher": 20,
    "mail/test_verdicts": 16,
    "operations/test_answers": 20,
    "operations/test_builds": 28,
    "operations/test_configure": 30,
    "operations/test_faults_of_the_original": 31,
    "operations/test_lease": 50,
    "operations/test_rollback": 31,
    "operations/test_upgrade": 19,
    "pages/test_axe": 93,
    "pages/test_block_browser": 17,
    "pages/test_browser": 58,
    "pages/test_console_browser": 23,
    "pages/test_upgrade_story": 28,
    "processes/test_action": 83,
    "processes/test_crashes": 413,
    "processes/test_messages": 127,
    "processes/test_newcomer": 79,
    "processes/test_procfile": 55,
    "processes/test_up": 128,
    "processes/test_watchers": 82,
    "security/test_admin": 23,
    "security/test_canaries": 21,
    "security/test_headers": 22,
    "security/test_pages": 41,
    "security/test_strangers": 77,
    "statistics/test_feed": 14,
    "test_layering": 24,
    "updates/test_story": 17,
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
    return len(text) / 1700 if database == "sqlite" or "django_db" in text else 0.5


def _name(path: Path) -> str:
    """``api/test_matrix``: a module as it is called above."""
    return path.relative_to(TESTS).with_suffix("").as_posix()
