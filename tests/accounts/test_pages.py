"""The pages of teams, members and tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.actors import SYSTEM
from accounts.models import ApiToken, Event, Role, Team, User
from accounts.services import member_set, token_find, user_deactivate
from accounts.tokens import TOKEN
from tests.cast import ClientOf, TokenOf

pytestmark = pytest.mark.django_db

ADD = {"email": "charlie@example.org", "role": "deployer"}
MAKE = {"name": "ci", "scopes": ["console", "upgrade"], "days": "90"}


def roles(team: Team) -> dict[str, str]:
    return dict(team.memberships.values_list("user__name", "role"))


def token_in(answer: Any) -> str:
    found = TOKEN.search(answer.text)
    assert found is not None
    return found[0]


# --- who sees what -------------------------------------------------------------------------------

PAGES = ["/teams/", "/tokens/", "/teams/robur/", "/teams/robur/tokens/"]


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_without_a_login(path: str, client: Client, robur: Team) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/accounts/login/?next={path}")


@pytest.mark.parametrize(
    ("path", "statuses"),
    [  #                                    alice dave bob charlie root
        ("/teams/", (200, 200, 200, 200, 200)),
        ("/teams/robur/", (200, 200, 200, 404, 200)),
        ("/teams/ROBUR/", (200, 200, 200, 404, 200)),
        ("/teams/nowhere/", (404, 404, 404, 404, 404)),
        ("/teams/robur/tokens/", (200, 403, 403, 404, 200)),
        ("/teams/robur/tokens/x/revoke/", (404, 403, 403, 404, 404)),
        ("/teams/robur/members/{bob}/remove/", (200, 403, 200, 404, 200)),
    ],
)
def test_who_sees_which_page(
    path: str, statuses: tuple[int, ...], bob: User, client_of: ClientOf, request: pytest.FixtureRequest
) -> None:
    for name, status in zip(("alice", "dave", "bob", "charlie", "root"), statuses, strict=True):
        client = client_of(request.getfixturevalue(name))
        assert client.get(path.format(bob=bob.pk)).status_code == status, name


CHANGES = [
    ("/teams/robur/", {"email": "root@example.org", "role": "viewer"}),
    ("/teams/robur/members/{bob}/", {"role": "owner"}),
    ("/teams/robur/members/{bob}/remove/", {}),
    ("/teams/robur/transfer/", {"member": "{bob}"}),
    ("/teams/robur/tokens/", MAKE),
    ("/teams/robur/tokens/{key_id}/revoke/", {}),
]


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(("name", "status"), [("dave", 403), ("charlie", 404)])
@pytest.mark.parametrize(("path", "data"), CHANGES)
def test_who_does_not_own_the_team_changes_nothing(
    path: str,
    data: dict[str, str],
    name: str,
    status: int,
    request: pytest.FixtureRequest,
) -> None:
    robur, post = _poster(path, data, request)
    client = request.getfixturevalue("client_of")(request.getfixturevalue(name))
    before = Event.objects.count(), roles(robur)
    assert post(client).status_code == status
    assert (Event.objects.count(), roles(robur)) == before


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("name", ["alice", "root"])
@pytest.mark.parametrize(("path", "data"), CHANGES)
def test_owners_and_superusers_change_it(
    path: str, data: dict[str, str], name: str, request: pytest.FixtureRequest
) -> None:
    _, post = _poster(path, data, request)
    client = request.getfixturevalue("client_of")(request.getfixturevalue(name))
    before = Event.objects.count()
    assert post(client).status_code in {200, 302}
    assert Event.objects.count() > before


def _poster(
    path: str, data: dict[str, Any], request: pytest.FixtureRequest
) -> tuple[Team, Callable[[Client], Any]]:
    robur, alice, bob = (request.getfixturevalue(name) for name in ("robur", "alice", "bob"))
    token = token_find(request.getfixturevalue("token_of")(alice, Role.VIEWER))
    assert token is not None
    address = path.format(bob=bob.pk, key_id=token.key_id)
    sent = {
        name: value.format(bob=bob.pk) if isinstance(value, str) else value for name, value in data.items()
    }
    return robur, lambda client: client.post(address, sent)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/tokens/", "post"),
        ("/teams/robur/members/1/", "get"),
        ("/teams/robur/", "put"),
        ("/setup/", "delete"),
    ],
)
def test_a_wrong_method_is_told(path: str, wrong: str, alice: User, robur: Team, client_of: ClientOf) -> None:
    assert getattr(client_of(alice), wrong)(path).status_code == 405


def test_a_change_without_the_sites_own_form_is_refused(alice: User, robur: Team) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post("/teams/robur/tokens/", MAKE).status_code == 403
    assert not ApiToken.objects.exists()


def test_pages_are_not_kept_by_anybody_on_the_way(alice: User, robur: Team, client_of: ClientOf) -> None:
    answer = client_of(alice).get("/teams/robur/tokens/")
    assert "no-store" in answer.headers["Cache-Control"]


# --- teams ---------------------------------------------------------------------------------------


def test_the_list_tells_roles_and_members(bob: User, client_of: ClientOf) -> None:
    page = client_of(bob).get("/teams/").text
    row = re.search(r"<tr>(?:(?!</tr>).)*/teams/robur/.*?</tr>", page, re.DOTALL)
    assert row is not None
    assert ">viewer<" in row[0]
    assert ">2<" in row[0]
    assert "personal" in page


def test_a_person_makes_a_team(charlie: User, client_of: ClientOf) -> None:
    answer = client_of(charlie).post("/teams/", {"name": "Lab"})
    assert answer.headers["Location"] == "/teams/lab/"
    assert roles(Team.objects.get(name="lab")) == {"Charlie": "owner"}


@pytest.mark.parametrize(
    ("name", "sentence"), [("robur", "robur is taken"), ("a b", "letters, digits"), ("root", "reserved")]
)
def test_a_name_that_will_not_do_stays_in_the_form(
    name: str, sentence: str, robur: Team, charlie: User, client_of: ClientOf
) -> None:
    answer = client_of(charlie).post("/teams/", {"name": name})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'value="{name}"' in answer.text


def test_the_list_costs_the_same_for_many_teams(
    root: User, alice: User, client_of: ClientOf, django_assert_max_num_queries: Any
) -> None:
    Team.objects.bulk_create(Team(name=f"t{n}", domain=f"t{n}") for n in range(30))
    client = client_of(root)
    with django_assert_max_num_queries(12):
        assert client.get("/teams/").status_code == 200


# --- members -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("charlie")
def test_an_owner_invites_somebody(robur: Team, alice: User, client_of: ClientOf) -> None:
    client = client_of(alice)
    answer = client.post("/teams/robur/", ADD)
    assert answer.headers["Location"] == "/teams/robur/"
    page = client.get("/teams/robur/").text
    assert "charlie@example.org is invited" in page
    assert "letter waits" in page


def test_who_is_a_member_already_stays_in_the_form(robur: Team, alice: User, client_of: ClientOf) -> None:
    answer = client_of(alice).post("/teams/robur/", ADD | {"email": alice.email})
    assert answer.status_code == 422
    assert f'value="{alice.email}"' in answer.text
    assert "Is in the team already" in answer.text


def test_a_role_is_changed_in_the_list(robur: Team, alice: User, bob: User, client_of: ClientOf) -> None:
    client = client_of(alice)
    client.post(f"/teams/robur/members/{bob.pk}/", {"role": "owner"})
    assert roles(robur)["Bob"] == "owner"
    assert client.post(f"/teams/robur/members/{bob.pk}/", {"role": "king"}).status_code == 400
    assert roles(robur)["Bob"] == "owner"


def test_the_last_owner_is_told_why_not(robur: Team, alice: User, client_of: ClientOf) -> None:
    client = client_of(alice)
    client.post(f"/teams/robur/members/{alice.pk}/", {"role": "viewer"})
    assert "last owner of robur" in client.get("/teams/robur/").text
    client.post(f"/teams/robur/members/{alice.pk}/remove/")
    assert "last owner of robur" in client.get("/teams/robur/").text
    assert roles(robur) == {"Alice": "owner"}


def test_taking_somebody_out_asks_first(robur: Team, alice: User, bob: User, client_of: ClientOf) -> None:
    client = client_of(alice)
    path = f"/teams/robur/members/{bob.pk}/remove/"
    assert "Take bob@example.org out of robur?" in client.get(path).text
    assert roles(robur)["Bob"] == "viewer"
    assert client.post(path).headers["Location"] == "/teams/robur/"
    assert "Bob" not in roles(robur)


def test_leaving_leads_to_the_other_teams(robur: Team, bob: User, client_of: ClientOf) -> None:
    client = client_of(bob)
    path = f"/teams/robur/members/{bob.pk}/remove/"
    assert "Leave robur?" in client.get(path).text
    assert client.post(path).headers["Location"] == "/teams/"
    assert "Bob" not in roles(robur)


def test_viewers_are_offered_no_changes(robur: Team, bob: User, client_of: ClientOf) -> None:
    page = client_of(bob).get("/teams/robur/").text
    assert "alice@example.org" in page
    assert 'name="role"' not in page
    assert "/tokens/" not in page.replace('href="/tokens/"', "")
    assert "Take out" not in page


# --- tokens --------------------------------------------------------------------------------------


def test_a_new_token_is_shown_once(robur: Team, alice: User, client_of: ClientOf) -> None:
    client = client_of(alice)
    answer = client.post("/teams/robur/tokens/", MAKE)
    text = token_in(answer)
    token = token_find(text)
    assert token is not None
    assert (token.name, token.role, token.created_by) == ("ci", "deployer", alice)
    again = client.get("/teams/robur/tokens/").text
    assert text not in again
    assert TOKEN.search(again) is None
    assert f"mm_{token.key_id}_…" in again


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"scopes": "king"},
        {"unikernels": "a/b"},
        {"days": "0"},
        {"days": "9999"},
        {"days": "x"},
    ],
)
def test_a_token_that_cannot_be_made_is_told(
    change: dict[str, str], robur: Team, alice: User, client_of: ClientOf
) -> None:
    answer = client_of(alice).post("/teams/robur/tokens/", MAKE | change)
    assert answer.status_code == 422
    assert 'class="errors"' in answer.text
    assert not ApiToken.objects.exists()


def test_a_token_is_revoked_after_a_question(
    robur: Team, alice: User, token_of: TokenOf, client_of: ClientOf
) -> None:
    text = token_of(alice, Role.VIEWER)
    token = token_find(text)
    assert token is not None
    client = client_of(alice)
    path = f"/teams/robur/tokens/{token.key_id}/revoke/"
    asked = client.get(path).text
    assert "Revoke test?" in asked
    assert "Keep it as it is</a>" in asked
    assert token_find(text) is not None
    assert client.post(path).headers["Location"] == "/teams/robur/tokens/"
    assert token_find(text) is None
    assert "revoked" in client.get("/teams/robur/tokens/").text


def test_a_token_of_another_team_is_not_found_here(
    alice: User, charlie: User, token_of: TokenOf, client_of: ClientOf
) -> None:
    token = token_find(token_of(alice, Role.VIEWER))
    assert token is not None
    answer = client_of(charlie).post(f"/teams/charlie/tokens/{token.key_id}/revoke/")
    assert answer.status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_a_token_of_somebody_shut_out_is_told_as_such(
    alice: User, dave: User, token_of: TokenOf, client_of: ClientOf
) -> None:
    token_of(dave, Role.DEPLOYER)
    user_deactivate(actor=SYSTEM, user=dave)
    assert "maker shut out" in client_of(alice).get("/teams/robur/tokens/").text


def test_the_short_way_leads_to_ones_own_team(alice: User, robur: Team, client_of: ClientOf) -> None:
    client = client_of(alice)
    answer = client.get("/tokens/")
    assert answer.headers["Location"] == "/teams/alice/tokens/"
    assert 'href="/teams/robur/tokens/"' in client.get("/teams/alice/tokens/").text


def test_names_are_text_and_no_markup(robur: Team, alice: User, client_of: ClientOf) -> None:
    answer = client_of(alice).post("/teams/robur/tokens/", MAKE | {"name": "<script>alert(1)</script>"})
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text


@pytest.mark.parametrize("path", ["/teams/", "/teams/robur/", "/teams/robur/tokens/"])
def test_every_field_has_a_label(path: str, alice: User, bob: User, client_of: ClientOf) -> None:
    page = client_of(alice).get(path).text
    fields = set(re.findall(r'<(?:input|select|textarea)(?![^>]*type="hidden")[^>]*\bid="([^"]+)"', page))
    labels = set(re.findall(r'<label[^>]*\bfor="([^"]+)"', page))
    assert fields
    assert fields <= labels


def test_a_member_who_became_owner_sees_the_forms(robur: Team, bob: User, client_of: ClientOf) -> None:
    member_set(actor=SYSTEM, team=robur, user=bob, role=Role.OWNER)
    assert 'name="role"' in client_of(bob).get("/teams/robur/").text


def test_who_invites_is_told_when_no_letter_leaves_the_server(
    robur: Team, alice: User, client_of: ClientOf, settings: Any
) -> None:
    client = client_of(alice)
    assert "No mail server is set" not in client.get("/teams/robur/").text

    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert "No mail server is set" in client.get("/teams/robur/").text
