"""Rounds at the same moment begin together what one of them may begin alone, on either database."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from accounts.models import Team
from tests.accounts.test_races import at_once
from tests.updates.conftest import Fleet
from unikernels.models import Operation
from unikernels.operations import services
from unikernels.operations.machine import State
from unikernels.updates.automatic import begin

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fleet(transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Fleet:
    """Upgrades write their row and do nothing."""
    settings.AUTOMATIC_AT_ONCE = 2
    fleet = Fleet(Team.objects.create(name="robur", domain="robur"))

    def upgrade(**call: Any) -> Operation:
        return fleet.upgraded(call["unikernel"], State.CHECK, credential=call["actor"].credential)

    monkeypatch.setattr(services, "upgrade", upgrade)
    return fleet


def test_they_keep_to_the_limit_of_an_instance(fleet: Fleet) -> None:
    many = [fleet.waiting(f"hello{number}") for number in range(5)]
    assert at_once(*(partial(begin, unikernel.pk) for unikernel in many)) == []
    assert Operation.objects.count() == 2


def test_they_keep_to_it_also_for_unikernels_of_different_teams(fleet: Fleet) -> None:
    teams = [Team.objects.create(name=f"team{number}", domain=f"team{number}") for number in range(4)]
    many = [fleet.waiting("hello", team=team) for team in teams]
    assert at_once(*(partial(begin, unikernel.pk) for unikernel in many)) == []
    assert Operation.objects.count() == 2


def test_one_unikernel_is_begun_once(fleet: Fleet) -> None:
    hello = fleet.waiting("hello")
    assert at_once(*[partial(begin, hello.pk)] * 4) == []
    assert Operation.objects.count() == 1
