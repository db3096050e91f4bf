"""Programs: how their tokens are taken, and what they learn and do about tokens."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import tokens
from accounts.actors import SYSTEM
from accounts.models import ApiToken, Event, Role, Team, User
from accounts.services import member_remove, member_set, token_find, token_revoke, user_deactivate
from tests.cast import ApiOf, ClientOf, TokenOf

pytestmark = pytest.mark.django_db

OWN = "/api/v1/token/"
TEAMS = "/api/v1/teams/"
TOKENS = "/api/v1/teams/robur/tokens/"


def found(text: str) -> ApiToken:
    token = token_find(text)
    assert token is not None
    return token


# --- getting in ----------------------------------------------------------------------------------


def test_a_program_with_a_token_gets_in(alice: User, token_of: TokenOf, api_of: ApiOf) -> None:
    text = token_of(alice, Role.VIEWER)
    answer = api_of(text).get(OWN)
    assert answer.status_code == 200
    assert answer.json()["team"] == "robur"
    assert found(text).last_used_at is not None


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(scheme: str, alice: User, token_of: TokenOf) -> None:
    text = token_of(alice, Role.VIEWER)
    assert Client().get(OWN, headers={"authorization": f"{scheme} {text}"}).status_code == 200


def refused(answer: Any, text: str = "") -> None:
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    if text:
        assert text not in answer.text
        assert text not in str(answer.headers)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YWxpY2U6cGFzc3dvcmQ=",
        "Token abc",
        "Bearer a b",
        "Bearer \xff",
        "mm_abc",
    ],
)
def test_whoever_shows_no_token_is_asked_for_one(header: str | None, db: None) -> None:
    extra = {} if header is None else {"authorization": header}
    refused(Client().get(OWN, headers=extra))


def test_a_wrong_token_is_refused_and_not_told_back(alice: User, token_of: TokenOf, api_of: ApiOf) -> None:
    text = token_of(alice, Role.VIEWER)
    wrong = text[:-1] + ("A" if text[-1] != "A" else "B")
    with CaptureQueriesContext(connection) as queries:
        answer = api_of(wrong).get(OWN)
    refused(answer, wrong)
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert len(queries) == 0


def test_a_wrong_token_is_not_made_good_by_a_session(
    alice: User, token_of: TokenOf, client_of: ClientOf
) -> None:
    """Who shows a credential is judged by it; a stale secret must not go unnoticed."""
    wrong = tokens.make()[1]
    refused(client_of(alice).get(OWN, headers={"authorization": f"Bearer {wrong}"}), wrong)


def test_dead_tokens_are_refused(
    robur: Team, bob: User, dave: User, token_of: TokenOf, api_of: ApiOf
) -> None:
    texts = [token_of(user, Role.DEPLOYER) for user in (dave, dave, bob)]
    token_revoke(actor=SYSTEM, token=found(texts[0]))
    member_remove(actor=SYSTEM, team=robur, user=dave)
    user_deactivate(actor=SYSTEM, user=bob)
    for text in texts:
        refused(api_of(text).get(OWN), text)


def test_a_token_changes_without_a_form_and_a_session_does_not(alice: User, robur: Team) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    answer = browser.post(TOKENS, {"name": "ci"}, content_type="application/json")
    assert answer.status_code == 403
    assert "CSRF" in answer.json()["detail"]
    assert not ApiToken.objects.exists()


# --- its own token -------------------------------------------------------------------------------


def test_a_token_learns_what_it_may(robur: Team, dave: User, token_of: TokenOf, api_of: ApiOf) -> None:
    text = token_of(dave, Role.DEPLOYER)
    token, api = found(text), api_of(text)
    told = api.get(OWN).json()
    assert token.expires_at
    assert told["expires_at"] == token.expires_at.isoformat().replace("+00:00", "Z")
    assert {name: told[name] for name in ("id", "name", "team", "role")} == {
        "id": token.key_id,
        "name": "test",
        "team": "robur",
        "role": "deployer",
    }
    assert text.rpartition("_")[2] not in str(told)
    member_set(actor=SYSTEM, team=robur, user=dave, role=Role.VIEWER)
    assert api.get(OWN).json()["role"] == "viewer"


def test_a_session_has_no_token_of_its_own(alice: User, client_of: ClientOf) -> None:
    assert client_of(alice).get(OWN).status_code == 404


# --- teams ---------------------------------------------------------------------------------------


def test_teams_are_told_with_ones_role(bob: User, client_of: ClientOf) -> None:
    free = {"demands_second_factor": False}
    assert client_of(bob).get(TEAMS).json() == {
        "items": [
            {"name": "bob", "domain": "bob", "personal": True, "role": "owner", "members": 1} | free,
            {"name": "robur", "domain": "robur", "personal": False, "role": "viewer", "members": 2} | free,
        ],
        "next": None,
    }


def test_a_token_sees_its_one_team(alice: User, token_of: TokenOf, api_of: ApiOf) -> None:
    items = api_of(token_of(alice, Role.VIEWER)).get(TEAMS).json()["items"]
    assert [(item["name"], item["role"]) for item in items] == [("robur", "viewer")]


def test_a_list_of_teams_comes_in_parts(root: User, client_of: ClientOf) -> None:
    Team.objects.bulk_create(Team(name=f"t{n:02}", domain=f"t{n:02}") for n in range(5))
    client, names, address = client_of(root), [], f"{TEAMS}?limit=2"
    while address:
        part = client.get(address).json()
        names += [item["name"] for item in part["items"]]
        address = part["next"]
    assert names == sorted(Team.objects.values_list("name", flat=True))


# --- tokens of a team ----------------------------------------------------------------------------


def make(client: Client, **body: Any) -> Any:
    return client.post(TOKENS, {"name": "ci"} | body, content_type="application/json")


@pytest.mark.usefixtures("robur")
def test_an_owner_makes_a_token_that_works(alice: User, client_of: ClientOf, api_of: ApiOf) -> None:
    answer = make(client_of(alice), role="viewer", days=7)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["name"], made["role"], made["usable"]) == ("ci", "viewer", True)
    assert api_of(made["token"]).get(OWN).json()["id"] == made["id"]


@pytest.mark.usefixtures("robur")
def test_a_tokens_text_is_told_only_when_it_is_made(alice: User, client_of: ClientOf) -> None:
    client = client_of(alice)
    text = make(client).json()["token"]
    listed = client.get(TOKENS)
    assert [item["name"] for item in listed.json()["items"]] == ["ci"]
    assert text.rpartition("_")[2] not in listed.text


@pytest.mark.usefixtures("robur")
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "name"),
        ({"name": 7 * "x" * 100}, "name"),
        ({"role": "king"}, "role"),
        ({"days": 0}, "days"),
        ({"days": 367}, "days"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(
    body: dict[str, Any], pointer: str, alice: User, client_of: ClientOf
) -> None:
    answer = make(client_of(alice), **body)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not ApiToken.objects.exists()


@pytest.mark.usefixtures("robur")
def test_a_rehearsal_makes_nothing(alice: User, client_of: ClientOf) -> None:
    client = client_of(alice)
    before = Event.objects.count()
    answer = client.post(f"{TOKENS}?dry_run=true", {"name": "ci"}, content_type="application/json")
    assert answer.status_code == 200
    assert answer.json()["possible"] is True
    assert "mm_" not in answer.text
    assert (ApiToken.objects.count(), Event.objects.count()) == (0, before)


def test_a_token_neither_sees_makes_nor_revokes_tokens(
    robur: Team, alice: User, token_of: TokenOf, api_of: ApiOf
) -> None:
    text = token_of(alice, Role.OWNER)
    api: APIClient = api_of(text)
    answers = [
        api.get(TOKENS),
        api.post(TOKENS, {"name": "more"}, format="json"),
        api.delete(f"{TOKENS}{found(text).key_id}/"),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert ApiToken.objects.get() == found(text)


def test_an_owner_revokes_a_token(alice: User, token_of: TokenOf, client_of: ClientOf) -> None:
    text = token_of(alice, Role.VIEWER)
    address = f"{TOKENS}{found(text).key_id}/"
    client = client_of(alice)
    assert client.delete(address).status_code == 204
    assert token_find(text) is None
    assert client.delete(address).status_code == 204
    assert client.delete(f"{TOKENS}unknown/").status_code == 404
