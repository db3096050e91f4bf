"""``python -m tests.chaos``: every single fault and every pair, until the time is over."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable

from tests.chaos.playing import Played, begin, play, tell

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

PROCESSES = 2
CHUNK = 10  # runs that a process takes at once
MOST_TOLD = 100  # violations; the rest is only counted


def main(words: list[str]) -> int:
    """The exit code: 1 when anything was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="what the runs leave to chance")
    parser.add_argument("--minutes", type=float, default=18.0, help="end after so long")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--most", type=int, help="end after so many runs")
    parser.add_argument("--skip", type=int, default=0, help="pairs that the same seed played before")
    parser.add_argument("--run", help="repeat one run and tell everything about it")
    given = parser.parse_args(words)
    if given.run:
        return _one(given.run)
    return Chaos(given.seed, given.minutes * 60, given.most, given.skip).go(given.processes)


def _one(text: str) -> int:
    begin()
    lines = tell(text)
    print("\n".join(lines))
    return int(any("VIOLATION" in line for line in lines))


class Chaos:
    """A whole session, and its figures."""

    def __init__(self, seed: int, seconds: float, most: int | None = None, skip: int = 0) -> None:
        self.seed, self._skip = seed, skip
        self._end = time.monotonic() + seconds
        self._most = most
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._struck: Counter[int] = Counter()
        self._violated = 0
        self._reached: dict[str, frozenset[str]] = {}

    def go(self, processes: int) -> int:
        """Play all runs; the exit code."""
        import django

        django.setup()
        from tests.chaos import plans
        from tests.chaos.points import Run

        began = time.monotonic()
        self._pool = multiprocessing.get_context("spawn").Pool(processes, begin, (self._end,))
        self._play("no fault", map(str, plans.calm(self.seed)))
        calm = {Run.parse(text): steps for text, steps in self._reached.items()}
        self._play("one fault", map(str, plans.singles(self.seed, calm)))
        reached = {Run.parse(text): steps for text, steps in self._reached.items()}
        self._play("two faults", map(str, plans.pairs(self.seed, reached)[self._skip :]))
        self._pool.close()
        self._pool.join()
        self._sum_up(time.monotonic() - began)
        return 1 if self._violated else 0

    def _play(self, what: str, runs: Iterable[str]) -> None:
        wanted = list(runs)
        if self._most is not None:
            wanted = wanted[: max(0, self._most - sum(self._struck.values()))]
        played = 0
        for one in self._pool.imap_unordered(play, wanted, CHUNK):
            if one is not None:  # else the time is over
                played += 1
                self._take(one)
        over = "" if played == len(wanted) else ": the time was over"
        print(f"{what}: {played} of {len(wanted)} runs (seed {self.seed}){over}", flush=True)

    def _take(self, one: Played) -> None:
        kind = one.run.partition("/")[0]
        self._outcomes[kind, one.outcome] += 1
        self._struck[one.struck] += 1
        if one.struck < 2:
            self._reached[one.run] = one.reached
        for sentence in one.violations:
            self._violated += 1
            if self._violated <= MOST_TOLD:
                print(f'VIOLATION: {sentence}\n  python -m tests.chaos --run "{one.run}"', flush=True)

    def _sum_up(self, seconds: float) -> None:
        runs = sum(self._struck.values())
        print(f"{runs} runs in {seconds:.0f} s: {runs / seconds:.1f} runs/s; {self._violated} violations")
        print(
            "faults that struck: " + ", ".join(f"{n}: {count}" for n, count in sorted(self._struck.items()))
        )
        for (kind, outcome), count in sorted(self._outcomes.items()):
            print(f"  {kind:<10} {outcome:<16} {count:>6}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
