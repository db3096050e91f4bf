from datetime import UTC, datetime, timedelta

import pytest

from unikernels.watcher.shares import GRACE, LEASE, RENEWAL, Row, fair_share, to_give, to_renew, to_take

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def held(pk: int, watcher: str = "me", left: timedelta = LEASE) -> Row:
    return Row(pk, watcher, NOW + left, NOW)


def free(pk: int, since: timedelta | None = timedelta(0)) -> Row:
    return Row(pk, "", None if since is None else NOW - since, NOW)


@pytest.mark.parametrize(
    ("total", "watchers", "share"), [(0, 1, 0), (5, 1, 5), (5, 2, 3), (6, 2, 3), (1, 3, 1), (5, 0, 5)]
)
def test_a_share_is_rounded_up_so_that_nothing_is_left_over(total: int, watchers: int, share: int) -> None:
    assert fair_share(total, watchers) == share


def test_one_watcher_takes_all() -> None:
    assert to_take([free(1), free(2), free(3)], "me", 1, NOW) == [1, 2, 3]


def test_what_somebody_holds_is_not_taken() -> None:
    assert to_take([held(1, "other"), held(2)], "me", 1, NOW) == []


def test_a_lease_that_ran_out_is_free() -> None:
    assert to_take([held(1, "other", -SECOND)], "me", 1, NOW) == [1]


def test_beyond_its_share_a_watcher_leaves_to_others_what_just_became_free() -> None:
    rows = [held(1), free(2), free(3), held(4, "other")]
    assert to_take(rows, "me", 2, NOW) == [2]


def test_what_nobody_took_is_taken_beyond_the_share() -> None:
    rows = [held(1), held(2), free(3, GRACE + SECOND), free(4, None)]
    assert to_take(rows, "me", 2, NOW) == [3, 4]


def test_a_watcher_gives_back_what_is_beyond_its_share() -> None:
    rows = [held(1), held(2), held(3), held(4, "other")]
    assert to_give(rows, "me", 2, NOW) == [3]
    assert to_give(rows, "me", 1, NOW) == []
    assert to_give(rows, "me", 4, NOW) == [2, 3]


def test_a_lease_is_renewed_after_a_third_of_its_life() -> None:
    assert not to_renew([held(1, left=LEASE - RENEWAL)], "me", NOW)
    assert to_renew([held(1, left=LEASE - RENEWAL - SECOND)], "me", NOW)


def test_what_is_others_or_has_run_out_is_not_renewed() -> None:
    assert not to_renew([held(1, "other", SECOND), held(2, "me", -SECOND), free(3)], "me", NOW)


def test_watchers_that_see_the_same_end_with_about_the_same() -> None:
    """Three watchers, ten instances; the first one was there before the others."""
    owners = dict.fromkeys(range(10), "a")
    for _ in range(3):
        for watcher in "abc":
            rows = [Row(pk, owner, NOW + LEASE if owner else NOW, NOW) for pk, owner in owners.items()]
            owners |= dict.fromkeys(to_give(rows, watcher, 3, NOW), "")
            owners |= dict.fromkeys(to_take(rows, watcher, 3, NOW), watcher)
    counts = sorted(list(owners.values()).count(watcher) for watcher in "abc")
    assert counts == [2, 4, 4]
