"""What a person wants to read when something went wrong: the last console lines."""

from __future__ import annotations

from dataclasses import replace

from albatross.errors import AlbatrossError
from unikernels.consoles.tail import tail
from unikernels.operations.machine import BEFORE_COMMIT, TERMINAL, Leg, State, follow
from unikernels.operations.work import Outcome, Work

LAST_LINES = 20


def with_console(work: Work, outcome: Outcome) -> Outcome:
    """*outcome*, with the last console lines when it turns an operation to the worse.

    Asked before anything is written (no network inside a transaction), and never in the way of it.
    """
    leg, state = follow(work.leg, work.state, outcome.event)
    turns_back = leg is Leg.BACK and work.leg is not Leg.BACK
    if work.state in BEFORE_COMMIT or not (turns_back or (state in TERMINAL and state is State.FAILED)):
        return outcome
    try:
        lines = tail(work.unikernel, LAST_LINES, work.client)
    except AlbatrossError as error:
        lines = [f"(the console could not be read: {error})"]
    return replace(outcome, memo=replace(outcome.memo, console=tuple(lines)))
