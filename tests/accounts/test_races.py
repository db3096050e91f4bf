"""Two at the same moment: one of them wins, on either database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import close_old_connections, connection

from accounts.actors import COMMAND, SYSTEM, Actor
from accounts.models import Membership, Role, User
from accounts.services import (
    member_set,
    personal_team_ensure,
    setup_token_issue,
    setup_token_redeem,
    superuser_set,
    team_create,
    user_register,
)
from mollymawk.errors import ApplicationError
from tests.cast import PASSWORD, person

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*changes: Callable[[], Any]) -> list[ApplicationError]:
    """Do all *changes* at the same time; what was refused."""
    start, refused = threading.Barrier(len(changes)), list[ApplicationError]()
    unexpected: list[Exception] = []

    def run(change: Callable[[], Any]) -> None:
        try:
            close_old_connections()
            start.wait(10)
            change()
        except ApplicationError as error:
            refused.append(error)
        except Exception as error:  # noqa: BLE001  # a thread's error must fail the test
            unexpected.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[change]) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert unexpected == []
    return refused


def test_two_superusers_cannot_demote_each_other() -> None:
    one, two = person("one", superuser=True), person("two", superuser=True)
    refused = at_once(
        lambda: superuser_set(actor=COMMAND, user=one, superuser=False),
        lambda: superuser_set(actor=COMMAND, user=two, superuser=False),
    )
    assert len(refused) == 1
    assert User.objects.filter(is_superuser=True).count() == 1


def test_two_owners_cannot_demote_each_other() -> None:
    one, two = person("one"), person("two")
    team = team_create(actor=SYSTEM, name="lab", owner=one)
    member_set(actor=SYSTEM, team=team, user=two, role=Role.OWNER)
    refused = at_once(
        lambda: member_set(actor=Actor(one, "session"), team=team, user=two, role=Role.VIEWER),
        lambda: member_set(actor=Actor(two, "session"), team=team, user=one, role=Role.VIEWER),
    )
    assert len(refused) == 1
    assert Membership.objects.filter(team=team, role=Role.OWNER).count() == 1


def test_a_set_up_token_makes_one_superuser() -> None:
    token = setup_token_issue()
    refused = at_once(
        *(
            lambda name=name: setup_token_redeem(token=token, email=f"{name}@example.org", password=PASSWORD)
            for name in ("one", "two", "three")
        )
    )
    assert len(refused) == 2
    assert User.objects.filter(is_superuser=True).count() == 1


def test_one_address_is_registered_once() -> None:
    refused = at_once(*[lambda: user_register(email="erin@example.org", password=PASSWORD)] * 3)
    assert len(refused) == 2
    assert User.objects.count() == 1


def test_people_of_one_name_get_different_domains() -> None:
    users = [User.objects.create_user(f"erin@{n}.example.org", PASSWORD, is_active=True) for n in range(3)]
    refused = at_once(*(lambda user=user: personal_team_ensure(actor=SYSTEM, user=user) for user in users))
    assert refused == []
    assert sorted(user.personal_team.domain for user in users) == ["erin", "erin-2", "erin-3"]
