"""What is made of looks and answers: each rule of the design has its story here."""

from dataclasses import replace

import pytest

from unikernels.operations.facts import Answer, Look, Memo, Sight
from unikernels.operations.judge import (
    Timings,
    backoff,
    judge_destroy,
    judge_stay,
    judge_swap,
    judge_window,
    stay,
)
from unikernels.operations.machine import Event

T = Timings()
OLD = Look(0.0, Sight.BEFORE, 100, "old")
NEW = Look(0.0, Sight.TARGET, 200, "new")
NOTHING = Look(0.0, Sight.NOTHING)
DARK = Look(0.0, Sight.DARK)
STRANGE = Look(0.0, Sight.OTHER, 300, "strange")
STALE = Look(0.0, Sight.STALE, 400, "old")


def memo(answer: Answer, *looks: Look, sends: int = 1, before: Look | None = OLD) -> Memo:
    """A memo whose looks are one second apart, the first one a second after the send at 0."""
    timed = tuple(replace(look, at=float(at)) for at, look in enumerate(looks, start=1))
    return Memo(before=before, sends=sends, sent_at=0.0, answer=answer, looks=timed)


def swap(m: Memo, now: float = 3.0, *, insist: bool = False, may_exit: bool = False) -> Event:
    return judge_swap(m, now, T, insist=insist, may_exit=may_exit)


@pytest.mark.parametrize("answer", list(Answer))
def test_the_target_has_arrived_whatever_was_answered(answer: Answer) -> None:
    assert swap(memo(answer, NEW)) is Event.ARRIVED


@pytest.mark.parametrize("look", [OLD, NOTHING, STRANGE, STALE])
@pytest.mark.parametrize("answer", list(Answer))
def test_one_look_without_the_target_decides_nothing(answer: Answer, look: Look) -> None:
    assert swap(memo(answer, look), now=1000.0) is Event.WAIT


def test_two_looks_too_close_together_decide_nothing() -> None:
    close = Memo(
        before=OLD, sends=1, answer=Answer.FAILURE, looks=(replace(OLD, at=1.0), replace(OLD, at=1.1))
    )
    assert swap(close) is Event.WAIT


def test_a_refusal_with_the_old_one_untouched_is_an_abort() -> None:
    assert swap(memo(Answer.FAILURE, *[OLD] * 9), now=10.0) is Event.UNTOUCHED


def test_for_some_seconds_a_refusal_may_be_an_instance_whose_list_is_behind() -> None:
    assert swap(memo(Answer.FAILURE, *[OLD] * 8), now=9.0) is Event.WAIT
    assert swap(memo(Answer.FAILURE, *[OLD] * 5, NOTHING, NOTHING), now=8.0) is Event.LOST


def test_a_refusal_of_a_second_send_says_nothing_about_the_first() -> None:
    assert swap(memo(Answer.FAILURE, OLD, OLD, sends=2)) is Event.WAIT


def test_a_refusal_with_the_old_one_started_anew_is_no_abort() -> None:
    assert swap(memo(Answer.FAILURE, STALE, STALE)) is Event.WAIT


@pytest.mark.parametrize("answer", [Answer.DONE, Answer.FAILURE])
def test_made_and_gone_is_lost(answer: Answer) -> None:
    assert swap(memo(answer, NOTHING, NOTHING)) is Event.LOST


def test_a_refused_create_where_nothing_was_touches_nothing() -> None:
    assert swap(memo(Answer.FAILURE, NOTHING, NOTHING, before=None)) is Event.UNTOUCHED


def test_a_create_that_ended_at_once_is_lost() -> None:
    assert swap(memo(Answer.DONE, NOTHING, NOTHING, before=None)) is Event.LOST


@pytest.mark.parametrize("answer", list(Answer))
def test_going_back_insists_when_nothing_is_there(answer: Answer) -> None:
    assert swap(memo(answer, NOTHING, NOTHING), insist=True) is Event.SEND_AGAIN


def test_without_an_answer_and_nothing_there_it_is_created() -> None:
    assert swap(memo(Answer.UNCLEAR, NOTHING, NOTHING)) is Event.SEND_AGAIN


@pytest.mark.parametrize("insist", [True, False])
def test_three_sends_are_enough(insist: bool) -> None:
    assert swap(memo(Answer.UNCLEAR, NOTHING, NOTHING, sends=3), insist=insist) is Event.LOST
    assert swap(memo(Answer.UNCLEAR, OLD, OLD, sends=3), now=31.0, insist=insist) is Event.LOST


def test_the_old_one_lingering_is_waited_for_and_then_sent_again() -> None:
    lingering = memo(Answer.UNCLEAR, OLD, OLD)
    assert swap(lingering, now=29.0) is Event.WAIT
    assert swap(lingering, now=30.0) is Event.SEND_AGAIN


def test_looks_into_the_dark_are_passed_over() -> None:
    assert swap(memo(Answer.FAILURE, OLD, *[DARK] * 7, OLD), now=10.0) is Event.UNTOUCHED
    assert swap(memo(Answer.UNCLEAR, DARK, DARK, DARK), now=4.0) is Event.WAIT


def test_a_strange_image_is_never_overwritten() -> None:
    assert swap(memo(Answer.DONE, *[STRANGE] * 9), insist=True) is Event.FOREIGN


def test_a_strange_image_may_be_what_was_there_and_the_list_behind() -> None:
    assert swap(memo(Answer.DONE, *[STRANGE] * 8)) is Event.WAIT
    assert judge_stay(proving(*[STRANGE] * 4), 8.0, T) is Event.WAIT
    assert judge_stay(proving(*[STRANGE] * 4, NOTHING, NOTHING), 12.0, T) is Event.BAD


def test_one_that_may_exit_is_never_sent_twice() -> None:
    assert swap(memo(Answer.UNCLEAR, NOTHING, NOTHING), may_exit=True) is Event.UNKNOWABLE
    assert swap(memo(Answer.DONE, NOTHING, NOTHING), may_exit=True) is Event.ARRIVED


def test_destroyed_needs_two_looks() -> None:
    assert judge_destroy(memo(Answer.DONE, NOTHING), 2.0, T) is Event.WAIT
    assert judge_destroy(memo(Answer.DONE, NOTHING, NOTHING), 2.0, T) is Event.GONE


def test_a_destroy_that_was_refused_touched_nothing() -> None:
    assert judge_destroy(memo(Answer.FAILURE, *[OLD] * 9), 10.0, T) is Event.UNTOUCHED


def test_a_destroy_without_effect_is_sent_again_and_given_up_at_last() -> None:
    assert judge_destroy(memo(Answer.UNCLEAR, OLD, OLD), 30.0, T) is Event.SEND_AGAIN
    assert judge_destroy(memo(Answer.UNCLEAR, OLD, OLD, sends=3), 30.0, T) is Event.LOST


def proving(*looks: Look) -> Memo:
    """A memo in which the target arrived at 0 and was looked at every two seconds since."""
    m = stay(Memo(proving_since=0.0, up_since=0.0), replace(NEW, at=0.0))
    for at, look in enumerate(looks, start=1):
        m = stay(m, replace(look, at=2.0 * at))
    return m


def test_it_is_good_after_ten_seconds_unchanged() -> None:
    assert judge_stay(proving(*[NEW] * 4), 8.0, T) is Event.WAIT
    assert judge_stay(proving(*[NEW] * 5), 10.0, T) is Event.GOOD


def test_one_restart_is_allowed_and_starts_the_ten_seconds_anew() -> None:
    again = replace(NEW, started=201)
    assert judge_stay(proving(NEW, again, again, again, again), 10.0, T) is Event.WAIT
    assert judge_stay(proving(NEW, *[again] * 6), 14.0, T) is Event.GOOD


def test_two_restarts_are_not_staying_up() -> None:
    assert judge_stay(proving(replace(NEW, started=201), replace(NEW, started=202)), 4.0, T) is Event.BAD


def test_gone_in_two_looks_is_not_staying_up() -> None:
    assert judge_stay(proving(NOTHING), 2.0, T) is Event.WAIT
    assert judge_stay(proving(NOTHING, NOTHING), 4.0, T) is Event.BAD


def test_no_result_is_not_good() -> None:
    assert judge_stay(proving(*[DARK] * 10), 20.0, T) is Event.WAIT
    assert judge_stay(proving(*[DARK] * 10), 121.0, T) is Event.BAD


def test_a_gap_in_the_looks_does_not_count_against_it() -> None:
    assert judge_stay(proving(DARK, DARK, DARK, DARK, NEW), 10.0, T) is Event.GOOD


def test_the_time_that_an_answer_took_does_not_count_as_staying_up() -> None:
    m = stay(proving(NEW), replace(NEW, at=22.0, took=18.0))
    assert judge_stay(m, 22.0, T) is Event.WAIT
    assert judge_stay(stay(m, replace(NEW, at=24.0, took=0.1)), 24.0, T) is Event.GOOD


def test_a_strange_image_while_proving_is_somebody_else() -> None:
    assert judge_stay(proving(*[STRANGE] * 5), 10.0, T) is Event.FOREIGN


def test_backoff_grows_to_its_limit() -> None:
    assert [backoff(n, T) for n in (1, 2, 3, 4, 5, 60)] == [2, 4, 8, 16, 30, 30]


def test_a_memo_survives_the_row() -> None:
    full = replace(
        proving(NOTHING),
        before=OLD,
        answer=Answer.FAILURE,
        console=("a line",),
        looks=(replace(STRANGE, differs=("memory",)),),
    )
    assert Memo.from_json(full.to_json()) == full
    assert Memo.from_json({}) == Memo()


@pytest.mark.parametrize(
    ("results", "back"),
    [
        ([], False),
        ([False], False),
        ([True, False, True], False),
        ([True, False, False], True),
        ([False, True] * 3, False),
        ([False, True] * 3 + [False], True),
        ([False, True] * 3 + [True] * 60 + [False, True], False),
    ],
)
def test_the_window_goes_back_after_two_failures_in_a_row_or_four_apart(results, back):
    assert judge_window(results, T) is back
