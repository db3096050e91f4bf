"""Whether a unikernel whose process ended is started again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from albatross.messages import QUIT, RESTART_ANY, Arguments, FailBehaviour
from albatross.simulator.restarts import Exited, Signalled, after

ON_3_AND_7 = FailBehaviour(restart=True, exit_codes=frozenset({3, 7}))
ON_64 = FailBehaviour(restart=True, exit_codes=frozenset({1, 64}))


@pytest.mark.parametrize(
    ("behaviour", "ending", "again"),
    [
        (QUIT, Exited(0), False),
        (QUIT, Exited(3), False),
        (RESTART_ANY, Exited(0), True),
        (RESTART_ANY, Exited(2), True),
        (RESTART_ANY, Exited(59), True),
        (RESTART_ANY, Exited(65), True),
        (RESTART_ANY, Exited(1), False),
        (RESTART_ANY, Exited(60), False),
        (RESTART_ANY, Exited(63), False),
        (RESTART_ANY, Exited(64), False),
        (RESTART_ANY, Signalled(15), False),
        (RESTART_ANY, Signalled(11), False),
        (ON_3_AND_7, Exited(3), True),
        (ON_3_AND_7, Exited(7), True),
        (ON_3_AND_7, Exited(0), False),
        (ON_3_AND_7, Signalled(3), False),
        (ON_64, Exited(1), False),
        (ON_64, Exited(64), False),
    ],
)
def test_the_exit_code_decides(behaviour, ending, again):
    arguments = Arguments(fail_behaviour=behaviour, add_name=False)
    assert after(arguments, ending) == (arguments if again else None)


@pytest.mark.parametrize("behaviour", [QUIT, RESTART_ANY, ON_3_AND_7])
def test_one_that_does_not_know_its_name_is_started_once_without_it(behaviour):
    arguments = Arguments(fail_behaviour=behaviour, add_name=True)
    nameless = replace(arguments, add_name=False)
    assert after(arguments, Exited(64)) == nameless
    assert after(nameless, Exited(64)) is None


def test_one_that_was_killed_stays_away_though_its_name_is_added():
    assert after(Arguments(add_name=True), Signalled(15)) is None
