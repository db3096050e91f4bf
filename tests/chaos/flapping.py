"""Unikernels that answer now and then: how often an upgrade to one succeeds, and how often it is taken back.

Monte Carlo over the pure judging functions with the default timings: ``python -m tests.chaos.flapping``.
A round asks one check once. The table stands in ``docs/operations.md``, and a test compares.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator

from unikernels.operations.facts import Health, Look, Memo, Round, Sight
from unikernels.operations.judge import (
    Timings,
    judge_answers,
    judge_window,
    next_round,
    stay,
)
from unikernels.operations.machine import Event

SEED, UPGRADES = 1, 2000  # of each row: the rates are right to about two points of a hundred
SHARES = (100, 99, 95, 80, 50, 20, 0)
WINDOW = 600.0  # seconds, the default of ROLLBACK_WINDOW_SECONDS
STARTED = 100
_AT_ONCE, _LATER, _KEPT = "rolled back", "taken back", "kept"


def upgrade(share: float, chance: random.Random, timings: Timings) -> str:
    """What becomes of an upgrade to a unikernel that answers *share* (0 to 1) of the rounds."""
    if not _proved(share, chance, timings):
        return _AT_ONCE
    results: list[bool] = []
    for _ in range(int(WINDOW / timings.window_gap)):
        results = [*results, chance.random() < share][-timings.window_results :]
        if judge_window(results, timings):
            return _LATER
    return _KEPT


def _proved(share: float, chance: random.Random, timings: Timings) -> bool:
    """Whether the upgrade is said to have succeeded."""
    memo = stay(Memo(), Look(0.0, Sight.TARGET, STARTED))
    while True:
        now = next_round(memo, timings)
        health = Health.PASSED if chance.random() < share else Health.FAILED
        memo = stay(memo.heard(Round(now, health)), Look(now, Sight.TARGET, STARTED))
        event = judge_answers(memo, now, timings)
        if event is not Event.WAIT:
            return event is Event.GOOD


def rates(share: int, *, seed: int = SEED, upgrades: int = UPGRADES) -> dict[str, float]:
    """The rates (0 to 100) of what becomes of upgrades to a unikernel that answers *share* of 100 rounds."""
    chance, timings = random.Random(seed * 1000 + share), Timings()
    ends = Counter(upgrade(share / 100, chance, timings) for _ in range(upgrades))
    return {end: 100 * ends[end] / upgrades for end in (_AT_ONCE, _LATER, _KEPT)}


def table(*, seed: int = SEED, upgrades: int = UPGRADES) -> Iterator[str]:
    """The lines of the table, as the document has them."""
    yield "| answers | rolled back by the upgrade | succeeded, taken back in the window | succeeded and kept |"
    yield "|---|---|---|---|"
    for share in SHARES:
        found = rates(share, seed=seed, upgrades=upgrades)
        cells = (f"{found[end]:.1f} %" for end in (_AT_ONCE, _LATER, _KEPT))
        yield f"| {share} % of the rounds | {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join(table()) + "\n")
