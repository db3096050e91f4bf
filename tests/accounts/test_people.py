"""People: asking to be let in, let in, shut out."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.actors import COMMAND, SYSTEM, Actor
from accounts.models import Event, Role, Team, User
from accounts.services import (
    password_set,
    superuser_set,
    token_find,
    user_activate,
    user_add,
    user_deactivate,
    user_register,
)
from albatross.models import Instance, ObservedPolicy
from mollymawk.errors import Conflict, Forbidden, Invalid, Refused
from tests.cast import PASSWORD, TokenOf

pytestmark = pytest.mark.django_db


def kinds() -> list[str]:
    return list(Event.objects.order_by("id").values_list("kind", flat=True))


def test_who_registers_waits_without_a_team() -> None:
    user = user_register(email=" Erin@Example.org ", password=PASSWORD, address="192.0.2.1")
    assert (user.email, user.is_active, user.is_superuser) == ("erin@example.org", False, False)
    assert not Team.objects.exists()
    event = Event.objects.get()
    assert (event.kind, event.actor, event.address) == ("user.registered", user, "192.0.2.1")


def test_nobody_registers_twice() -> None:
    user_register(email="erin@example.org", password=PASSWORD)
    with pytest.raises(Conflict):
        user_register(email="ERIN@example.org", password=PASSWORD)
    assert kinds() == ["user.registered"]


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        ("erin", PASSWORD, "email"),
        ("", PASSWORD, "email"),
        ("erin@example.org", "shorty", "password"),
        ("erin@example.org", "erin@example.org", "password"),
        ("erin@example.org", "password123", "password"),
    ],
)
def test_a_registration_that_will_not_do_says_why(email: str, password: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        user_register(email=email, password=password)
    assert list(caught.value.fields) == [field]
    assert not User.objects.exists()


def test_who_is_let_in_gets_a_personal_team_with_a_domain() -> None:
    user = user_register(email="erin.b@example.org", password=PASSWORD)
    user_activate(actor=SYSTEM, user=user)
    assert user.is_active
    team = user.personal_team
    assert (team.name, team.domain) == ("erin-b", "erin-b")
    assert team.memberships.get().role == Role.OWNER
    assert kinds() == ["user.registered", "user.activated", "team.created"]


def test_letting_in_twice_is_like_once() -> None:
    user = user_register(email="erin@example.org", password=PASSWORD)
    user_activate(actor=SYSTEM, user=user)
    before = kinds()
    user_activate(actor=SYSTEM, user=user)
    assert kinds() == before


def test_two_people_of_one_name_get_two_domains(alice: User) -> None:
    second = user_add(actor=COMMAND, email="alice@example.com", password=PASSWORD)
    third = user_add(actor=COMMAND, email="alice@example.net", password=PASSWORD)
    assert alice.personal_team.domain == "alice"
    assert [second.personal_team.domain, third.personal_team.domain] == ["alice-2", "alice-3"]


def test_nobody_gets_a_domain_that_an_instance_holds_already() -> None:
    """Whoever owned it would own what runs there."""
    instance = Instance.objects.create(name="fra-1", address="127.0.0.1:1025")
    for path in ("erin", "erin-2:deeper"):
        ObservedPolicy.objects.create(
            instance=instance, path=path, unikernels=1, memory=1, observed_at=instance.created_at
        )
    user = user_add(actor=COMMAND, email="erin@example.org", password=PASSWORD)
    assert user.personal_team.domain == "erin-3"


@pytest.mark.parametrize("name", ["alice", "charlie"])
def test_only_superusers_let_people_in_and_shut_them_out(
    name: str, bob: User, request: pytest.FixtureRequest
) -> None:
    actor = Actor(request.getfixturevalue(name), "session")
    services: list[Any] = [
        lambda: user_add(actor=actor, email="erin@example.org", password=PASSWORD),
        lambda: user_activate(actor=actor, user=bob),
        lambda: user_deactivate(actor=actor, user=bob),
        lambda: superuser_set(actor=actor, user=bob, superuser=True),
        lambda: password_set(actor=actor, user=bob, password=PASSWORD),
    ]
    before = kinds()
    for service in services:
        with pytest.raises(Forbidden):
            service()
    assert kinds() == before


def test_who_is_shut_out_has_dead_tokens_until_let_in_again(
    root: User, alice: User, token_of: TokenOf
) -> None:
    text = token_of(alice, Role.DEPLOYER)
    actor = Actor(root, "session")
    user_deactivate(actor=actor, user=alice)
    assert token_find(text) is None
    user_activate(actor=actor, user=alice)
    assert token_find(text) is not None


def test_who_is_shut_out_has_a_dead_session(root: User, alice: User, client: Any) -> None:
    client.force_login(alice)
    assert client.get("/teams/").status_code == 200
    user_deactivate(actor=Actor(root, "session"), user=alice)
    assert client.get("/teams/").status_code == 302


def test_nobody_shuts_out_or_demotes_themselves(root: User) -> None:
    actor = Actor(root, "session")
    with pytest.raises(Refused, match="yourself"):
        user_deactivate(actor=actor, user=root)
    with pytest.raises(Refused, match="yourself"):
        superuser_set(actor=actor, user=root, superuser=False)


def test_the_last_superuser_stays_one(root: User) -> None:
    with pytest.raises(Refused, match="last superuser"):
        user_deactivate(actor=COMMAND, user=root)
    with pytest.raises(Refused, match="last superuser"):
        superuser_set(actor=COMMAND, user=root, superuser=False)
    root.refresh_from_db()
    assert root.is_active
    assert root.is_superuser


def test_a_superuser_who_is_shut_out_does_not_count_as_the_last(root: User, alice: User) -> None:
    superuser_set(actor=COMMAND, user=alice, superuser=True)
    user_deactivate(actor=COMMAND, user=alice)
    with pytest.raises(Refused, match="last superuser"):
        user_deactivate(actor=COMMAND, user=root)


def test_of_two_superusers_one_may_go(root: User, alice: User) -> None:
    superuser_set(actor=COMMAND, user=alice, superuser=True)
    superuser_set(actor=Actor(alice, "session"), user=root, superuser=False)
    root.refresh_from_db()
    assert not root.is_superuser
    event = Event.objects.filter(kind="user.superuser").first()
    assert event is not None
    assert (event.was, event.now) == ("superuser", "user")


def test_a_superuser_sets_a_password(root: User, alice: User) -> None:
    password_set(actor=Actor(root, "session"), user=alice, password="another long one")
    alice.refresh_from_db()
    assert alice.check_password("another long one")
    assert "another long one" not in str(list(Event.objects.values()))
