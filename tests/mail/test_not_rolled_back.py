"""A version that fails and cannot be taken back by itself is told: once, and not when somebody acts already."""

from __future__ import annotations

from typing import NoReturn

import pytest

from accounts.models import Event, Letter, User
from mollymawk.errors import ApplicationError, Conflict, Refused
from tests.api.house import House
from tests.mail.ends import ended, window
from unikernels.models import RollbackWindow, Unikernel
from unikernels.operations.machine import Kind, State
from unikernels.windows import guard

pytestmark = pytest.mark.django_db


@pytest.fixture
def failing(house: House) -> RollbackWindow:
    """A window in which the unikernel went missing."""
    operation = ended(house, Kind.UPGRADE, State.SUCCEEDED)
    window(operation)
    Unikernel.objects.filter(pk=house.unikernel.pk).update(state=Unikernel.Presence.MISSING)
    RollbackWindow.objects.update(results=[False])
    return RollbackWindow.objects.get()


def refuse(monkeypatch: pytest.MonkeyPatch, error: ApplicationError) -> None:
    def rollback(**_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(guard, "rollback", rollback)


def told() -> int:
    return Event.objects.filter(kind="unikernel.not-rolled-back").count()


def test_it_is_told_once(failing: RollbackWindow, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, Refused("Its bytes are gone."))
    for _ in range(3):
        assert guard.watch(failing.pk) is None
    assert told() == 1
    letter = Letter.objects.get()
    assert (letter.user, letter.topic) == (alice, "failed")
    assert letter.subject == "robur:hello on fra-1: not rolled back"
    assert "It cannot be taken back: Its bytes are gone." in letter.text
    assert "Running: missing" in letter.text


def test_somebody_who_acts_already_is_no_news(
    failing: RollbackWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, Conflict("Another operation is under way."))
    assert guard.watch(failing.pk) is None
    assert told() == 0
    assert not Letter.objects.exists()
