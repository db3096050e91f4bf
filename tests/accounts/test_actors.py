"""Who acts, and what nobody can become."""

from __future__ import annotations

from typing import Any, cast

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from accounts.actors import COMMAND, SYSTEM, Actor, require, require_superuser
from accounts.models import Role, Team, User
from accounts.requests import actor_of
from accounts.services import team_create, token_find
from mollymawk.errors import Forbidden, Missing
from tests.cast import TokenOf


@pytest.mark.parametrize("credential", ["session", "", "token mm_x", "System", "anonymous"])
def test_nobody_acts_without_a_person_but_system_and_command(credential: str) -> None:
    with pytest.raises(ValueError, match="without a person"):
        Actor(None, credential)


def test_system_and_command_have_no_address_and_no_token() -> None:
    with pytest.raises(ValueError, match="without a person"):
        Actor(None, "system", "192.0.2.1")
    assert SYSTEM.all_powerful
    assert COMMAND.all_powerful


def test_an_anonymous_user_is_no_person() -> None:
    anybody: Any = AnonymousUser()
    with pytest.raises(ValueError, match="anonymous"):
        Actor(anybody, "system")


def test_an_anonymous_request_to_a_page_is_no_actor(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = AnonymousUser()
    with pytest.raises(PermissionDenied):
        actor_of(request)


def test_an_anonymous_request_to_the_api_is_no_actor() -> None:
    request = APIView().initialize_request(APIRequestFactory().get("/"))
    with pytest.raises(NotAuthenticated):
        actor_of(request)


def test_somebody_who_is_shut_out_is_no_actor(rf: RequestFactory, alice: User) -> None:
    request = rf.get("/")
    request.user, request.session = alice, SessionStore()
    assert actor_of(request) == Actor(alice, "session", "127.0.0.1", fresh=False)
    alice.is_active = False
    with pytest.raises(PermissionDenied):
        actor_of(request)


def test_a_program_acts_with_its_token(alice: User, token_of: TokenOf) -> None:
    token = token_find(token_of(alice, Role.VIEWER))
    assert token is not None
    plain = APIRequestFactory().get("/")
    force_authenticate(plain, alice, cast(Any, token))
    request: Request = APIView().initialize_request(plain)
    assert actor_of(request) == Actor(alice, f"token mm_{token.key_id}", "127.0.0.1", token)


def role(user: User, team: Team) -> Role | None:
    return Actor(user, "session").role_in(team)


def test_roles_are_those_of_the_membership(
    robur: Team, alice: User, dave: User, bob: User, charlie: User
) -> None:
    assert role(alice, robur) == Role.OWNER
    assert role(dave, robur) == Role.DEPLOYER
    assert role(bob, robur) == Role.VIEWER
    assert role(charlie, robur) is None


def test_superusers_own_every_team(robur: Team, root: User) -> None:
    assert role(root, robur) == Role.OWNER


def test_what_belongs_to_no_team_is_for_superusers(alice: User, root: User) -> None:
    assert Actor(alice, "session").role_in(None) is None
    assert Actor(root, "session").role_in(None) == Role.OWNER


@pytest.mark.parametrize("name", ["alice", "root"])
def test_who_is_shut_out_has_no_role_and_no_team(
    name: str, robur: Team, request: pytest.FixtureRequest
) -> None:
    user: User = request.getfixturevalue(name)
    user.is_active = False
    user.save()
    actor = Actor(user, "session")
    assert not actor.all_powerful
    assert actor.role_in(robur) is None
    assert actor.teams() == []


def test_a_stranger_is_told_that_there_is_nothing_and_a_member_what_is_missing(
    robur: Team, bob: User, charlie: User
) -> None:
    with pytest.raises(Missing):
        require(Actor(charlie, "session"), robur, Role.VIEWER)
    require(Actor(bob, "session"), robur, Role.VIEWER)
    with pytest.raises(Forbidden, match="viewer; this needs deployer"):
        require(Actor(bob, "session"), robur, Role.DEPLOYER)


def acting(user: User, text: str) -> Actor:
    token = token_find(text)
    assert token is not None
    return Actor(user, f"token mm_{token.key_id}", None, token)


def test_a_token_has_the_lesser_of_its_role_and_its_makers(
    robur: Team, alice: User, dave: User, token_of: TokenOf
) -> None:
    assert acting(alice, token_of(alice, Role.VIEWER)).role_in(robur) == Role.VIEWER
    assert acting(alice, token_of(alice, Role.OWNER)).role_in(robur) == Role.OWNER
    assert acting(dave, token_of(dave, Role.OWNER)).role_in(robur) == Role.DEPLOYER


def test_a_token_of_one_team_sees_no_other(robur: Team, alice: User, token_of: TokenOf) -> None:
    other = team_create(actor=SYSTEM, name="other", owner=alice)
    actor = acting(alice, token_of(alice, Role.OWNER))
    assert actor.role_in(other) is None
    assert actor.teams() == [robur]


def test_a_superusers_token_is_no_superuser(robur: Team, root: User, token_of: TokenOf) -> None:
    actor = acting(root, token_of(root, Role.VIEWER))
    assert not actor.all_powerful
    assert actor.role_in(robur) == Role.VIEWER
    assert actor.role_in(None) is None
    with pytest.raises(Forbidden):
        require_superuser(actor)


def test_only_superusers_and_operators_are_superusers(alice: User, root: User) -> None:
    require_superuser(Actor(root, "session"))
    require_superuser(COMMAND)
    with pytest.raises(Forbidden):
        require_superuser(Actor(alice, "session"))


def test_teams_are_those_one_is_in(robur: Team, alice: User, charlie: User, root: User) -> None:
    names = [team.name for team in Actor(alice, "session").teams()]
    assert names == ["alice", "robur"]
    assert [team.name for team in Actor(charlie, "session").teams()] == ["charlie"]
    assert len(Actor(root, "session").teams()) == Team.objects.count()
