"""What a session has to prove: a second factor where one is demanded, and who it is before what is sensitive."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client
from rest_framework.test import APIClient

from accounts.actors import COMMAND, Actor
from accounts.models import ApiToken, Event, Role, Team, User
from accounts.proof import WAYS_IN
from accounts.services import second_factor_demand, second_factors_remove
from mollymawk.errors import Refused
from tests.cast import PASSWORD, ApiOf, ClientOf, TokenOf
from tests.security.walk import routes

pytestmark = pytest.mark.django_db

ISSUE = {"name": "ci", "scopes": ["deploy"], "days": 30}


def stale(client: Client) -> Client:
    """*client*, an hour later."""
    session = client.session
    for used in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        used["at"] -= 3600
    session.save()
    return client


def with_factor(user: User) -> User:
    Authenticator.objects.create(user=user, type="totp", data={"secret": "sealed"})
    return User.objects.get(pk=user.pk)


# --- who one is, once more -----------------------------------------------------------------------


def test_a_token_is_made_only_by_who_proved_who_they_are(
    alice: User, robur: Team, client_of: ClientOf
) -> None:
    client = stale(client_of(alice))
    asked = client.post(
        "/teams/robur/tokens/", ISSUE, HTTP_REFERER="http://testserver/teams/robur/tokens/"
    ).headers["Location"]
    assert asked == "/accounts/reauthenticate/?next=%2Fteams%2Frobur%2Ftokens%2F"
    assert not ApiToken.objects.exists()
    client.post("/accounts/reauthenticate/", {"password": "wrong one", "next": "/teams/"})
    assert client.post("/teams/robur/tokens/", ISSUE).status_code == 302
    back = client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/teams/robur/tokens/"})
    assert back.headers["Location"] == "/teams/robur/tokens/"
    assert "Nothing was changed yet" in client.get("/teams/robur/tokens/").text
    assert client.post("/teams/robur/tokens/", ISSUE).status_code == 200
    assert ApiToken.objects.exists()


def test_what_was_sent_is_not_kept_meanwhile(alice: User, robur: Team, client_of: ClientOf) -> None:
    client = stale(client_of(alice))
    client.post("/teams/robur/tokens/", ISSUE | {"name": "canary-in-a-form"})
    assert "canary" not in str(dict(client.session))


def test_nobody_is_sent_elsewhere_by_the_page_before(alice: User, robur: Team, client_of: ClientOf) -> None:
    client = stale(client_of(alice))
    answer = client.post("/teams/robur/tokens/", ISSUE, HTTP_REFERER="https://evil.example/here")
    assert answer.headers["Location"].endswith("?next=%2F")


def test_a_form_asks_before_it_is_filled_in(root: User, client_of: ClientOf) -> None:
    client = client_of(root)
    assert client.get("/add-instance/").status_code == 200
    answer = stale(client).get("/add-instance/")
    assert answer.headers["Location"] == "/accounts/reauthenticate/?next=%2Fadd-instance%2F"
    by_script = client.get("/add-instance/", HTTP_HX_REQUEST="true")
    assert "HX-Redirect" in by_script.headers


def test_who_may_not_see_it_is_not_asked_who_they_are(alice: User, client_of: ClientOf) -> None:
    client = stale(client_of(alice))
    for path in ("/add-instance/", "/instances/fra-1/edit/", "/quotas/robur/fra-1/", "/people/1/delete/"):
        assert client.get(path).status_code == 404, path


def test_the_api_says_so_to_a_session_and_asks_no_token(
    alice: User, robur: Team, client_of: ClientOf, token_of: TokenOf, api_of: ApiOf
) -> None:
    path = "/api/v1/teams/robur/tokens/"
    client = client_of(alice)
    assert client.post(path, ISSUE, content_type="application/json").status_code == 201
    answer = stale(client).post(path, ISSUE, content_type="application/json")
    assert (answer.status_code, answer.json()["type"]) == (403, "about:blank#reauthenticate")
    assert client.get(path).status_code == 200, "reading asks for nothing"
    assert api_of(token_of(alice, Role.OWNER)).get("/api/v1/token/").status_code == 200


def test_the_admin_asks_before_what_is_dangerous(root: User, bob: User, client_of: ClientOf) -> None:
    client = stale(client_of(root))
    shut = {"action": "deactivate", "_selected_action": [bob.pk], "confirmed": "yes"}
    answer = client.post("/admin/accounts/user/", shut)
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    bob.refresh_from_db()
    assert bob.is_active


def test_the_address_to_which_a_forgotten_password_is_sent_is_changed_only_after_it(
    alice: User, client_of: ClientOf
) -> None:
    client, change = client_of(alice), {"action_add": "", "email": "mallory@example.org"}
    assert client.get("/accounts/email/").status_code == 200
    asked = stale(client).get("/accounts/email/").headers["Location"]
    assert asked == "/accounts/reauthenticate/?next=%2Faccounts%2Femail%2F"
    assert client.post("/accounts/email/", change).headers["Location"].startswith("/accounts/reauthenticate/")
    assert not EmailAddress.objects.filter(email="mallory@example.org").exists()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/accounts/email/", change)
    assert EmailAddress.objects.filter(email="mallory@example.org", verified=False).exists()


def test_each_way_in_that_is_asked_before_is_a_page() -> None:
    assert {found.name for found in routes()} >= WAYS_IN


# --- a second factor -----------------------------------------------------------------------------


def test_a_team_keeps_members_out_until_they_have_a_second_factor(
    alice: User, bob: User, robur: Team, client_of: ClientOf
) -> None:
    second_factor_demand(actor=Actor(with_factor(alice), "session"), team=robur, demanded=True)
    client = client_of(bob)
    page = client.get("/teams/robur/")
    assert page.status_code == 403
    assert "asks its members for a second factor" in page.text
    assert "/accounts/2fa/" in page.text
    assert "<strong>robur</strong> asks" in client.get("/teams/").text
    told = client.get("/api/v1/teams/robur/tokens/").json()
    assert told["type"] == "about:blank#second-factor-missing"
    names = [team["name"] for team in client.get("/api/v1/teams/").json()["items"]]
    assert names == ["bob"]
    with_factor(bob)
    assert client.get("/teams/robur/").status_code == 200


def test_a_stranger_does_not_learn_what_a_team_demands(
    alice: User, charlie: User, robur: Team, client_of: ClientOf
) -> None:
    second_factor_demand(actor=Actor(with_factor(alice), "session"), team=robur, demanded=True)
    assert client_of(charlie).get("/teams/robur/").status_code == 404


@pytest.fixture
def program(alice: User, token_of: TokenOf, api_of: ApiOf) -> APIClient:
    return api_of(token_of(alice, Role.DEPLOYER))


def test_tokens_and_superusers_come_in_all_the_same(
    alice: User, root: User, robur: Team, client_of: ClientOf, program: APIClient
) -> None:
    second_factor_demand(actor=COMMAND, team=robur, demanded=True)
    assert [team["name"] for team in program.get("/api/v1/teams/").json()["items"]] == ["robur"]
    assert client_of(root).get("/teams/robur/").status_code == 200
    assert client_of(alice).get("/teams/robur/").status_code == 403


def test_an_owner_switches_it_on_page_and_by_api(alice: User, robur: Team, client_of: ClientOf) -> None:
    client = client_of(alice)
    client.post("/teams/robur/second-factor/", {"demanded": "yes"})
    assert "you would shut yourself out" in client.get("/teams/robur/").text
    with_factor(alice)
    client.post("/teams/robur/second-factor/", {"demanded": "yes"})
    assert Team.objects.get(pk=robur.pk).demands_second_factor
    path = "/api/v1/teams/robur/second-factor/"
    client.put(path, {"demanded": False}, content_type="application/json")
    assert not Team.objects.get(pk=robur.pk).demands_second_factor
    changes = Event.objects.filter(kind="team.second_factor").order_by("id").values_list("was", "now")
    assert list(changes) == [("free", "demanded"), ("demanded", "free")]


def test_the_installation_may_demand_it_of_everybody(
    alice: User, client_of: ClientOf, program: APIClient, settings: Any
) -> None:
    settings.SECOND_FACTOR = "all"
    client = client_of(alice)
    for path in ("/", "/teams/", "/tokens/"):
        page = client.get(path)
        assert (page.status_code, "A second factor is needed" in page.text) == (403, True)
    assert client.get("/api/v1/teams/").json()["type"] == "about:blank#second-factor-missing"
    for path in ("/accounts/2fa/", "/accounts/2fa/totp/activate/", "/accounts/password/change/"):
        assert client.get(path).status_code == 200
    assert program.get("/api/v1/teams/").status_code == 200
    with_factor(alice)
    assert client.get("/teams/").status_code == 200


def test_or_of_superusers_alone(root: User, alice: User, client_of: ClientOf, settings: Any) -> None:
    settings.SECOND_FACTOR = "superusers"
    assert client_of(alice).get("/teams/").status_code == 200
    for path in ("/teams/", "/admin/", "/admin/accounts/user/"):
        assert client_of(root).get(path).status_code == 403
    with_factor(root)
    assert client_of(root).get("/admin/").status_code == 200


def test_who_lost_everything_is_helped_by_an_operator_and_logged_out(
    alice: User, robur: Team, client_of: ClientOf
) -> None:
    client = client_of(with_factor(alice))
    client.get("/sessions/")
    assert second_factors_remove(actor=COMMAND, user=alice) == ["totp"]
    assert client.get("/teams/").status_code == 302
    assert Event.objects.get(kind="user.second_factors_removed").data["kinds"] == ["totp"]


def test_nobody_takes_off_their_own_this_way(root: User) -> None:
    with pytest.raises(Refused):
        second_factors_remove(actor=Actor(root, "session"), user=root)
