"""What a check found as drawings to look at, with the same in numbers to read. Pure.

Colour never says it alone: what failed stands higher than what passed, what is not known lies flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from unikernels.checks.history import Span
from unikernels.models import Check, CheckResult
from unikernels.templatetags.house import latency, span

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
        which = f"Last {len(self.bars)} results" if len(self.bars) > 1 else "Last result"
        return f"{which}: {self.counts}" + (f"; {self.speed}" if self.speed else "")


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


# --- ups and downs -----------------------------------------------------------------------------------

LINE = 700  # units of a line of days
SEEN = 3  # of something short: it must not vanish
_HEIGHTS = {Check.State.UP: 12, Check.State.DOWN: HEIGHT, Check.State.UNKNOWN: STUB}


@dataclass(frozen=True, slots=True)
class Piece:
    """A time through which a check stood the same, as a part of the line."""

    x: float
    y: int
    width: float
    height: int
    state: str


@dataclass(frozen=True, slots=True)
class Line:
    """Ups and downs of some days, oldest first; the pieces of what was down are drawn last."""

    days: int
    pieces: list[Piece]
    downs: int
    down_for: float  # seconds

    @property
    def width(self) -> int:
        """Of the drawing."""
        return LINE

    @property
    def height(self) -> int:
        """Of the drawing."""
        return HEIGHT

    @property
    def words(self) -> str:
        """``Down once in 7 days, 30 min in all``."""
        if not self.downs:
            return f"Never down in {self.days} days"
        times = {1: "once", 2: "twice"}.get(self.downs, f"{self.downs} times")
        return f"Down {times} in {self.days} days, {span(self.down_for)} in all"


def line_of(spans: Sequence[Span], now: datetime, days: int) -> Line:
    """The line of the last *days* before *now*, of *spans* as ``checks.history`` gives them."""
    since = now - timedelta(days=days)
    within = [one for one in reversed(spans) if (one.ended or now) > since]
    downs = [one for one in within if one.state == Check.State.DOWN]
    pieces = [_piece(one, since, now) for one in within]
    return Line(
        days=days,
        pieces=sorted(pieces, key=lambda piece: piece.height),
        downs=len(downs),
        down_for=sum(((one.ended or now) - max(one.began, since)).total_seconds() for one in downs),
    )


def _piece(one: Span, since: datetime, now: datetime) -> Piece:
    whole = (now - since).total_seconds()
    left = LINE * (max(one.began, since) - since).total_seconds() / whole
    right = LINE * ((one.ended or now) - since).total_seconds() / whole
    width = max(right - left, SEEN)
    height = _HEIGHTS[one.state]
    return Piece(round(min(left, LINE - width), 1), HEIGHT - height, round(width, 1), height, one.state)
