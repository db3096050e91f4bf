import pytest

from unikernels.inventory.compare import UNSEEN, Change, Known, State, compare
from unikernels.models import Unikernel


def known(
    state: State = State.RUNNING, fingerprint: str = "a", *, managed: bool = True, busy: bool = False
) -> Known:
    return Known(state, fingerprint, managed=managed, busy=busy)


def test_the_states_are_those_of_the_row() -> None:
    assert {state.value for state in State} == set(Unikernel.Presence.values)


def test_an_unknown_unikernel_appears() -> None:
    assert compare(None, "a") is Change.APPEARED


def test_what_is_neither_known_nor_reported_is_nothing() -> None:
    assert compare(None, None) is None


def test_an_unchanged_report_changes_nothing() -> None:
    assert compare(known(), "a") is None


def test_another_report_is_a_change() -> None:
    assert compare(known(), "b") is Change.CHANGED


def test_one_report_without_it_is_not_enough_for_missing() -> None:
    assert compare(known(), None) is Change.UNSEEN


def test_two_reports_without_it_make_it_missing() -> None:
    assert compare(known(fingerprint=UNSEEN), None) is Change.MISSING


def test_what_was_unseen_once_and_is_back_has_changed() -> None:
    assert compare(known(fingerprint=UNSEEN), "a") is Change.CHANGED


def test_what_is_nobodys_is_forgotten_and_not_missing() -> None:
    assert compare(known(fingerprint=UNSEEN, managed=False), None) is Change.GONE


def test_what_was_asked_for_and_is_seen_for_the_first_time_appears() -> None:
    assert compare(known(State.NEW, ""), "a") is Change.APPEARED


@pytest.mark.parametrize("state", [State.STOPPED, State.MISSING])
@pytest.mark.parametrize("fingerprint", ["", "a"])
def test_what_was_gone_and_runs_returned(state: State, fingerprint: str) -> None:
    assert compare(known(state, fingerprint), "a") is Change.RETURNED


@pytest.mark.parametrize("state", [State.NEW, State.STOPPED, State.MISSING])
def test_what_does_not_run_anyway_is_not_missed(state: State) -> None:
    assert compare(known(state, UNSEEN), None) is None


@pytest.mark.parametrize("state", State)
def test_while_an_operation_works_only_facts_are_written(state: State) -> None:
    assert compare(known(state, busy=True), "b") is Change.FACTS
    assert compare(known(state, busy=True), "a") is None
    assert compare(known(state, busy=True), None) is None
    assert compare(known(state, UNSEEN, busy=True), None) is None
