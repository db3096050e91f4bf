"""Every state in which an operation can stand has its steps for people."""

from __future__ import annotations

import pytest

from unikernels.blocks import machine as moves
from unikernels.models import Operation
from unikernels.operations.machine import FIRST_STATE, TERMINAL, TRANSFERS, TRANSITIONS, Kind, Leg, State
from unikernels.operations.story import steps_of


def _reachable(leg: Leg, first: State) -> set[State]:
    """The states on the way that *first* leads to."""
    found, todo = {first}, [first]
    while todo:
        for there, state in TRANSITIONS[leg].get(todo.pop(), {}).values():
            if there is leg and state not in found | TERMINAL:
                found.add(state)
                todo.append(state)
    return found


# A destroy ends when the unikernel is gone: it has nothing to prove.
PLACES = [
    (kind, state, leg)
    for kind in sorted(set(Kind) - TRANSFERS)
    for leg in ([Leg.OUT, Leg.ONLY, Leg.BACK] if kind is Kind.CONFIGURE else [Leg.ONLY])
    for state in sorted(_reachable(leg, State.PREFLIGHT if leg is Leg.BACK else FIRST_STATE[kind]))
    if (kind, state) != (Kind.DESTROY, State.PROVE)
] + [(kind, state, Leg.ONLY) for kind in sorted(TRANSFERS) for state in sorted(moves.TABLES[kind])]


@pytest.mark.parametrize(("kind", "state", "leg"), PLACES)
def test_one_step_is_under_way(kind: Kind, state: State, leg: Leg) -> None:
    steps = steps_of(Operation(kind=kind, state=state, going_back=leg is Leg.BACK))
    assert [step.status for step in steps].count("now") == 1
    assert steps[-1].status == "todo"
