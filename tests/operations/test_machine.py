"""The table of the operation machine: every (leg, state, event) is listed, or raises."""

from itertools import product

import pytest

from unikernels.operations.machine import (
    BEFORE_COMMIT,
    TERMINAL,
    TRANSITIONS,
    Event,
    IllegalEvent,
    Leg,
    State,
    follow,
)

EVERY = list(product(Leg, State, Event))
LISTED = [(leg, state, event) for leg, state, event in EVERY if event in TRANSITIONS[leg].get(state, {})]


@pytest.mark.parametrize(("leg", "state", "event"), EVERY)
def test_an_event_is_listed_or_refused(leg: Leg, state: State, event: Event) -> None:
    if (leg, state, event) in LISTED:
        following_leg, following = follow(leg, state, event)
        assert following in TERMINAL or following in TRANSITIONS[following_leg]
    else:
        with pytest.raises(IllegalEvent):
            follow(leg, state, event)


def test_terminal_states_never_change() -> None:
    assert not [row for row in LISTED if row[1] in TERMINAL]


def test_only_proof_or_absence_makes_a_success() -> None:
    ways = {(state, event) for leg, state, event in LISTED if follow(leg, state, event)[1] is State.SUCCEEDED}
    assert ways == {(State.PROVE, Event.GOOD), (State.OBSERVE, Event.GONE)}


def test_rolled_back_is_only_said_after_proof_on_the_way_back() -> None:
    ways = [row for row in LISTED if follow(*row)[1] is State.ROLLED_BACK]
    assert ways == [(Leg.BACK, State.PROVE, Event.GOOD)]


@pytest.mark.parametrize("leg", [Leg.OUT, Leg.ONLY])
def test_before_the_commit_point_nothing_ends_failed(leg: Leg) -> None:
    for state in BEFORE_COMMIT:
        for event, (_, following) in TRANSITIONS[leg][state].items():
            assert following is not State.FAILED, (state, event)


def test_beyond_the_commit_point_nothing_claims_to_be_untouched_but_a_refusal_of_the_instance() -> None:
    for leg, state, event in LISTED:
        _, following = follow(leg, state, event)
        if state not in BEFORE_COMMIT and following in {State.ABORTED, State.CANCELLED}:
            assert (state, event) == (State.OBSERVE, Event.UNTOUCHED)


def test_with_a_fallback_every_loss_beyond_the_commit_point_goes_back() -> None:
    for state in (State.OBSERVE, State.RESEND, State.PROVE):
        for event in (Event.LOST, Event.BAD, Event.EXPIRED, Event.CANCEL):
            if event in TRANSITIONS[Leg.OUT][state]:
                assert follow(Leg.OUT, state, event) == (Leg.BACK, State.PREFLIGHT)


def test_the_way_back_never_turns_again() -> None:
    for leg, state, event in LISTED:
        if leg is Leg.BACK:
            assert follow(leg, state, event)[0] is Leg.BACK


def test_every_open_state_has_an_end_by_deadline() -> None:
    for leg in Leg:
        for state, row in TRANSITIONS[leg].items():
            assert Event.EXPIRED in row, (leg, state)


def test_every_state_of_a_leg_can_be_reached_from_its_first() -> None:
    starts = {Leg.OUT: State.CHECK, Leg.ONLY: State.CHECK, Leg.BACK: State.PREFLIGHT}
    for leg, start in starts.items():
        seen, todo = set(), [start]
        while todo:
            state = todo.pop()
            if state not in seen:
                seen.add(state)
                todo += [to for to_leg, to in TRANSITIONS[leg].get(state, {}).values() if to_leg is leg]
        assert set(TRANSITIONS[leg]) <= seen
