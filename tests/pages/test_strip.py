"""Drawings of what checks found: heights, counts, and the words that say the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from unikernels.checks.history import Span
from unikernels.models import Check, CheckResult
from unikernels.pages.check_rows import percent
from unikernels.pages.strip import HEIGHT, LINE, SEEN, Strip, line_of, strip_of
from unikernels.templatetags.house import latency

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
State, Outcome = Check.State, CheckResult.Outcome
OUTCOMES = {".": Outcome.PASSED, "x": Outcome.FAILED, "?": Outcome.INCONCLUSIVE}


def drawn(outcomes: str, *latencies: float) -> Strip:
    """The strip of these outcomes, oldest first."""
    latencies = latencies or (0.01,) * len(outcomes)
    results = [
        CheckResult(at=NOW, outcome=OUTCOMES[sign], latency=latency, text="")
        for sign, latency in zip(outcomes, latencies, strict=True)
    ]
    return strip_of(results[::-1])


def test_bars_stand_in_the_order_of_time() -> None:
    assert [bar.outcome for bar in drawn("..x?").bars] == ["passed", "passed", "failed", "inconclusive"]


def test_a_failure_is_higher_than_the_slowest_pass_and_what_says_nothing_lower_than_the_fastest() -> None:
    fast, slow, failed, unsaid = drawn("..x?", 0.0001, 4.0, 0.1, 0.1).bars

    assert unsaid.height < fast.height < slow.height < failed.height == HEIGHT
    assert all(bar.y + bar.height == HEIGHT for bar in (fast, slow, failed, unsaid))


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ("...", "Last 3 results: 3 of 3 passed; 10 ms in the median, 10 ms to 10 ms"),
        (".x?", "Last 3 results: 1 of 3 passed, 1 failed, 1 inconclusive; 10 ms"),
        ("xx", "Last 2 results: 0 of 2 passed, 2 failed"),
        ("?", "Last result: 0 of 1 passed, 1 inconclusive"),
    ],
)
def test_the_words_say_what_the_bars_show(outcomes: str, words: str) -> None:
    assert drawn(outcomes).words == words


def test_nothing_is_drawn_of_nothing() -> None:
    assert drawn("").bars == []
    assert drawn("").speed == ""


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.00042, "0.4 ms"), (0.012, "12 ms"), (1.2041, "1,204 ms"), (0, "0.0 ms")]
)
def test_latencies_are_told_in_milliseconds(seconds: float, words: str) -> None:
    assert latency(seconds) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(None, "not known"), (1.0, "100 %"), (0.99999, "99.99 %"), (0.5, "50.00 %"), (0.0, "0.00 %")],
)
def test_a_share_is_never_rounded_up_to_all(share: float | None, words: str) -> None:
    assert percent(share) == words


# --- ups and downs -----------------------------------------------------------------------------------


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def test_the_line_is_whole_and_what_was_down_is_seen_however_short() -> None:
    spans = [
        Span(State.UP, ago(1), None, ""),
        Span(State.DOWN, ago(1.001), ago(1), ""),
        Span(State.UP, ago(400), ago(1.001), ""),
    ]
    line = line_of(spans, NOW, 7)

    first, second, down = line.pieces
    assert (first.x, down.state, down.width, down.height) == (0, "down", SEEN, HEIGHT)
    assert first.width + second.width == pytest.approx(LINE, abs=1)
    assert line.words == "Down once in 7 days, 3 s in all"


def test_what_was_before_the_line_does_not_count() -> None:
    spans = [Span(State.UP, ago(200), None, ""), Span(State.DOWN, ago(300), ago(200), "")]

    assert line_of(spans, NOW, 7).words == "Never down in 7 days"


def test_what_is_down_counts_until_now() -> None:
    spans = [Span(State.DOWN, ago(2), None, ""), Span(State.DOWN, ago(9), ago(8), "")]

    assert line_of(spans, NOW, 7).words == "Down twice in 7 days, 3 h in all"
