"""The cast of all tests: the team ``robur`` with three members, a stranger and a superuser.

=========  ==============================================
alice      owner of robur
dave       deployer in robur
bob        viewer in robur
charlie    a stranger: in no team but the personal one
root       superuser, in no team but the personal one
=========  ==============================================

``client_of(person)`` is a browser with a session, ``token_of(person, role)`` the text of an API
token for robur, ``api_of(text)`` a program that uses it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.internal.userkit import user_id_to_str
from django.test import Client
from rest_framework.test import APIClient

from accounts.actors import SYSTEM, Actor
from accounts.models import Role, Team, User
from accounts.services import member_set, personal_team_ensure, team_create, token_issue
from accounts.sessions import SEEN

PASSWORD = "correct horse battery"

ClientOf = Callable[[User], Client]
TokenOf = Callable[[User, Role], str]
ApiOf = Callable[[str], APIClient]


def person(name: str, *, superuser: bool = False) -> User:
    """Somebody who may log in as ``name@example.org`` with ``PASSWORD``, with a personal team."""
    user = User.objects.create_user(
        f"{name}@example.org", PASSWORD, is_active=True, is_superuser=superuser, name=name.title()
    )
    personal_team_ensure(actor=SYSTEM, user=user)
    return user


def enter(client: Client, user: User) -> Client:
    """*client*, logged in as *user* a moment ago, without the time that a password takes."""
    client.force_login(user)
    session, now = client.session, time.time()
    session[SEEN] = int(now)
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": now, "reauthenticated": True}]
    session[f"{AUTHENTICATION_METHODS_SESSION_KEY}_user"] = user_id_to_str(user)
    session.save()
    return client


@pytest.fixture
def alice(db: None) -> User:
    return person("alice")


@pytest.fixture
def robur(alice: User) -> Team:
    return team_create(actor=SYSTEM, name="robur", owner=alice)


@pytest.fixture
def dave(robur: Team) -> User:
    return _member(robur, "dave", Role.DEPLOYER)


@pytest.fixture
def bob(robur: Team) -> User:
    return _member(robur, "bob", Role.VIEWER)


@pytest.fixture
def charlie(db: None) -> User:
    return person("charlie")


@pytest.fixture
def root(db: None) -> User:
    return person("root", superuser=True)


@pytest.fixture
def client_of() -> ClientOf:
    def client_of(user: User) -> Client:
        return enter(Client(), user)

    return client_of


@pytest.fixture
def token_of(robur: Team) -> TokenOf:
    """Tokens are issued by owners; one of a lesser role is made while its maker still is an owner."""

    def token_of(user: User, role: Role) -> str:
        held = robur.memberships.filter(user=user).values_list("role", flat=True).first()
        if held is not None:
            member_set(actor=SYSTEM, team=robur, user=user, role=Role.OWNER)
        _, text = token_issue(actor=Actor(user, "session"), team=robur, name="test", role=role)
        if held is not None:
            member_set(actor=SYSTEM, team=robur, user=user, role=Role(held))
        return text

    return token_of


@pytest.fixture
def api_of() -> ApiOf:
    def api_of(text: str) -> APIClient:
        api = APIClient()
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        return api

    return api_of


def _member(team: Team, name: str, role: Role) -> User:
    user = person(name)
    member_set(actor=SYSTEM, team=team, user=user, role=role)
    return user
