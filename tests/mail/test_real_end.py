"""Operations that really end, on a simulated instance: the letter is there with the end."""

from __future__ import annotations

import pytest

from accounts.mail.services import choice_set
from accounts.models import Letter
from tests.operations.conftest import House, house, simulated
from unikernels.operations import record
from unikernels.operations.machine import State
from unikernels.operations.story import verdict

__all__ = ["house", "simulated"]

SECRET = "--password=swordfish"


def test_a_deploy_that_fails_is_told_with_its_last_console_lines(house: House) -> None:
    crasher = house.image({"lines": ["about to fall over swordfish"], "exit": 1, "exit_after": 0.0})
    operation = house.finish(house.deploy(crasher, arguments=(SECRET,)))
    assert operation.state == State.FAILED
    letter = Letter.objects.get()
    assert (letter.user, letter.topic) == (house.user, "failed")
    assert letter.subject == "robur:hello on fra-1: deploy failed"
    assert letter.text.startswith(verdict(operation).sentence)
    assert "Running: no\n" in letter.text
    assert "about to fall over [hidden]" in letter.text
    assert "swordfish" not in letter.text


def test_a_deploy_that_works_is_told_to_who_asked_for_that(house: House) -> None:
    choice_set(user=house.user, topic="succeeded", wanted=True)
    house.finish(house.deploy(arguments=(SECRET,)))
    letter = Letter.objects.get()
    assert letter.subject == "robur:hello on fra-1: deploy succeeded"
    assert "Running: yes, version 1" in letter.text


def test_an_end_that_is_not_written_is_not_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ConnectionError("the database went away")

    choice_set(user=house.user, topic="succeeded", wanted=True)
    operation = house.deploy()
    house.finish(operation, until=State.PROVE)
    with monkeypatch.context() as patch:
        patch.setattr(record, "_note", broken)
        with pytest.raises(ConnectionError):
            house.finish(operation)
    assert not Letter.objects.exists()
