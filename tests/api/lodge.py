"""The house and everybody who knocks, made once for a module: to be imported by it, fixture by fixture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from accounts.actors import SYSTEM, Actor
from accounts.models import Role, Team, User
from accounts.services import member_set, team_create, token_issue
from tests.api.house import House
from tests.cast import enter, person
from tests.standing import standing

AsRole = Callable[[str], Client]

_PEOPLE = {"stranger": "charlie", "viewer": "bob", "deployer": "dave", "owner": "alice", "root": "root"}
ROLES = (
    *("nobody", *_PEOPLE),
    *("viewer token", "deployer token", "foreign token", "root token"),
)


class Lodge:
    """The house, its people, and what each role shows at the door: a session or the text of a token."""

    def __init__(self) -> None:
        self.people = {name: person(name, superuser=name == "root") for name in _PEOPLE.values()}
        alice, dave, charlie = (self.people[name] for name in ("alice", "dave", "charlie"))
        robur = team_create(actor=SYSTEM, name="robur", owner=alice)
        tokens = {
            "viewer token": _token(dave, robur, Role.VIEWER),
            "deployer token": _token(alice, robur, Role.DEPLOYER),
            "foreign token": _token(charlie, Team.objects.get(personal_of=charlie), Role.OWNER),
            "root token": _token(self.people["root"], robur, Role.DEPLOYER),
        }
        member_set(actor=SYSTEM, team=robur, user=dave, role=Role.DEPLOYER)
        member_set(actor=SYSTEM, team=robur, user=self.people["bob"], role=Role.VIEWER)
        self.house = House(robur)
        self._tokens = tokens
        self._sessions = {role: _session(self.people[name]) for role, name in _PEOPLE.items()}

    def client(self, role: str) -> Client:
        """A browser or a program of its own, in *role*."""
        if text := self._tokens.get(role):
            api = APIClient()
            api.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
            return api
        browser = Client()
        if key := self._sessions.get(role):
            browser.cookies[settings.SESSION_COOKIE_NAME] = key
        return browser


def _token(user: User, team: Team, role: Role) -> str:
    """Tokens are issued by owners, or by superusers."""
    if not user.is_superuser:
        member_set(actor=SYSTEM, team=team, user=user, role=Role.OWNER)
    return token_issue(actor=Actor(user, "session"), team=team, name="test", role=role)[1]


def _session(user: User) -> str:
    return enter(Client(), user).cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture(scope="module")
def lodge(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lodge]:
    with standing(tmp_path_factory.mktemp("lodge"), django_db_blocker.unblock()):
        yield Lodge()


@pytest.fixture
def house(lodge: Lodge, db: None) -> House:
    """The house, as nobody was in it yet."""
    return deepcopy(lodge.house)


@pytest.fixture
def root(lodge: Lodge, db: None) -> User:
    return deepcopy(lodge.people["root"])


@pytest.fixture
def as_role(lodge: Lodge, db: None) -> AsRole:
    """A browser or program that acts in a role."""
    return lodge.client
