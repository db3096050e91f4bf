"""Results of a check as a strip of bars to look at, and the same in numbers to read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from unikernels.models import CheckResult
from unikernels.templatetags.house import latency

Outcome = CheckResult.Outcome

BAR, GAP, HEIGHT = 5, 2, 28  # units of the drawing
LOWEST, HIGHEST = 4, 22  # bars of what passed, by latency; a failure is as high as the drawing
STUB = 2  # of what was inconclusive


@dataclass(frozen=True, slots=True)
class Bar:
    """One result: where it stands, how high, and which outcome it is."""

    x: int
    y: int
    height: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Some results, oldest first."""

    bars: list[Bar]
    passed: int
    failed: int
    inconclusive: int
    latencies: tuple[float, float, float] | None  # least, median, most, in seconds; of what passed

    @property
    def width(self) -> int:
        """Of the drawing."""
        return max(len(self.bars) * (BAR + GAP) - GAP, BAR)

    @property
    def height(self) -> int:
        """Of the drawing."""
        return HEIGHT

    @property
    def bar(self) -> int:
        """How wide each bar is."""
        return BAR

    @property
    def counts(self) -> str:
        """``28 of 30 passed, 1 failed, 1 inconclusive``."""
        words = f"{self.passed} of {len(self.bars)} passed"
        words += f", {self.failed} failed" if self.failed else ""
        return words + (f", {self.inconclusive} inconclusive" if self.inconclusive else "")

    @property
    def speed(self) -> str:
        """``12 ms, 3 to 48``; empty when nothing passed."""
        if self.latencies is None:
            return ""
        least, middle, most = self.latencies
        if len(self.bars) - self.failed - self.inconclusive < 2:
            return latency(middle)
        return f"{latency(middle)} in the median, {latency(least)} to {latency(most)}"

    @property
    def words(self) -> str:
        """All of it, for those who do not see the bars."""
        return f"Last {len(self.bars)} results: {self.counts}" + (f"; {self.speed}" if self.speed else "")


def strip_of(newest_first: Sequence[CheckResult]) -> Strip:
    """The strip of these results."""
    results = list(reversed(newest_first))
    passed = [result.latency for result in results if result.outcome == Outcome.PASSED]
    most = max(passed, default=0.0)
    return Strip(
        bars=[_bar(at, result, most) for at, result in enumerate(results)],
        passed=len(passed),
        failed=sum(result.outcome == Outcome.FAILED for result in results),
        inconclusive=sum(result.outcome == Outcome.INCONCLUSIVE for result in results),
        latencies=(min(passed), median(passed), most) if passed else None,
    )


def _bar(at: int, result: CheckResult, most: float) -> Bar:
    height = {Outcome.FAILED: HEIGHT, Outcome.INCONCLUSIVE: STUB}.get(Outcome(result.outcome))
    if height is None:
        height = LOWEST + round((HIGHEST - LOWEST) * (result.latency / most if most else 0))
    return Bar(at * (BAR + GAP), HEIGHT - height, height, result.outcome)
