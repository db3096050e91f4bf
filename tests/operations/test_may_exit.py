"""Unikernels that may exit: made once, never twice, and not taken for good when their tender refused them."""

from albatross.simulator import Fault, Kind
from unikernels.inventory.services import reconcile
from unikernels.operations.machine import Running, State

BATCH = {"lines": ["the work is done"], "exit": 0, "exit_after": 0.0}


def test_one_that_ends_is_a_success(house) -> None:
    operation = house.finish(house.deploy(house.image(BATCH), may_exit=True))
    assert operation.state == State.SUCCEEDED
    operation.unikernel.refresh_from_db()
    assert operation.unikernel.state in {"stopped", "running"}
    assert len(house.sends()) == 1


def test_what_its_tender_says_is_heard(house) -> None:
    refused = {"lines": ["solo5-hvt: Cannot map the memory"], "exit": 1, "exit_after": 0.0}
    operation = house.finish(house.deploy(house.image(refused), may_exit=True))
    assert operation.state == State.FAILED
    assert "solo5-hvt: Cannot map the memory" in operation.reason


def test_what_a_tender_said_before_does_not_count(house) -> None:
    refused = {"lines": ["solo5-hvt: Cannot map the memory"], "exit": 1, "exit_after": 0.0}
    house.finish(house.deploy(house.image(refused), may_exit=True))
    for _ in range(2):
        reconcile(house.instance)
    operation = house.finish(house.deploy(house.image(BATCH), may_exit=True))
    assert operation.state == State.SUCCEEDED


def test_without_an_answer_it_is_never_sent_again(house) -> None:
    house.simulated.faults.add(Fault(Kind.CLOSE_AFTER, command="unikernel_create"))
    operation = house.finish(house.deploy(house.image(BATCH), may_exit=True))
    assert len(house.sends()) == 1
    assert (operation.state, operation.running) in {
        (State.FAILED, Running.UNKNOWN),
        (State.SUCCEEDED, ""),  # a look was quicker than its end
    }
