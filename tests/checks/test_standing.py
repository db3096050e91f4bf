"""How a check stands after one more result: every row of the table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unikernels.checks.standing import DOWN_AFTER, UNKNOWN_AFTER, Standing, after
from unikernels.models import Check, CheckResult

UNKNOWN, UP, DOWN = Check.State
PASSED, FAILED, INCONCLUSIVE = CheckResult.Outcome


@pytest.mark.parametrize(
    ("was", "outcome", "now"),
    [
        (Standing(UNKNOWN), PASSED, Standing(UP)),
        (Standing(UNKNOWN, 1), PASSED, Standing(UP)),
        (Standing(UP), PASSED, Standing(UP)),
        (Standing(UP, 1), PASSED, Standing(UP)),
        (Standing(DOWN, 7), PASSED, Standing(UP)),
        (Standing(UNKNOWN), FAILED, Standing(UNKNOWN, 1)),
        (Standing(UNKNOWN, 1), FAILED, Standing(DOWN, 2)),
        (Standing(UP), FAILED, Standing(UP, 1)),
        (Standing(UP, 1), FAILED, Standing(DOWN, 2)),
        (Standing(DOWN, 2), FAILED, Standing(DOWN, 3)),
        (Standing(UNKNOWN), INCONCLUSIVE, Standing(UNKNOWN)),
        (Standing(UP), INCONCLUSIVE, Standing(UP)),
        (Standing(UP, 1), INCONCLUSIVE, Standing(UP, 1)),
        (Standing(DOWN, 4), INCONCLUSIVE, Standing(DOWN, 4)),
    ],
)
def test_the_table(was: Standing, outcome: CheckResult.Outcome, now: Standing) -> None:
    assert after(was, outcome, unsaid=1) == now


@pytest.mark.parametrize("state", [UNKNOWN, UP, DOWN])
def test_what_says_nothing_for_long_is_unknown(state: Check.State) -> None:
    assert after(Standing(state), INCONCLUSIVE, UNKNOWN_AFTER - 1).state == state
    assert after(Standing(state), INCONCLUSIVE, UNKNOWN_AFTER).state == UNKNOWN


@given(st.lists(st.sampled_from([PASSED, FAILED, INCONCLUSIVE]), max_size=30))
def test_down_only_after_failures_in_a_row_and_up_only_by_a_pass(outcomes: list[CheckResult.Outcome]) -> None:
    standing = Standing(UNKNOWN)
    for number, outcome in enumerate(outcomes):
        before, standing = standing, after(standing, outcome, unsaid=1)
        said = [one for one in outcomes[: number + 1] if one != INCONCLUSIVE]
        if standing.state == DOWN and before.state != DOWN:
            assert said[-DOWN_AFTER:] == [FAILED] * DOWN_AFTER
        if standing.state == UP and before.state != UP:
            assert outcome == PASSED
        assert outcome != INCONCLUSIVE or standing == before
