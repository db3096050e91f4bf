"""The admin: everything can be found, no secret can, and changes go through services."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.actors import Actor
from accounts.events import record
from accounts.models import ApiToken, Event, Membership, Quota, Role, Team, User
from accounts.services import needs_setup, token_find, token_issue, user_register
from albatross.models import Instance
from mollymawk.keyring import seal
from tests.cast import PASSWORD, ClientOf, TokenOf, person

pytestmark = pytest.mark.django_db

MODELS = ["user", "team", "quota", "apitoken", "event"]


@pytest.fixture
def inside(root: User, client_of: ClientOf) -> Client:
    return client_of(root)


def address(model: str, what: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:accounts_{model}_{what}", args=args)


def act(client: Client, model: str, action: str, *rows: Any) -> Any:
    chosen = {"action": action, "_selected_action": [row.pk for row in rows], "confirmed": "yes"}
    return client.post(address(model), chosen, follow=True)


@pytest.mark.parametrize("name", ["alice", "charlie"])
def test_only_superusers_get_in(name: str, client_of: ClientOf, request: pytest.FixtureRequest) -> None:
    client = client_of(request.getfixturevalue(name))
    for model in MODELS:
        assert client.get(address(model), follow=True).status_code == 403


def test_a_token_does_not_open_the_admin(root: User, token_of: TokenOf) -> None:
    header = {"authorization": f"Bearer {token_of(root, Role.OWNER)}"}
    assert Client().get(address("user"), headers=header).status_code == 302


# --- lists ---------------------------------------------------------------------------------------


def crowd(size: int, start: int) -> None:
    """*size* more of everything."""
    instance = Instance.objects.get_or_create(name="fra-1", defaults={"address": "127.0.0.1:1025"})[0]
    for number in range(start, start + size):
        user = person(f"u{number}")
        team = user.personal_team
        Quota.objects.create(team=team, instance=instance, unikernels=1, memory=1)
        token_issue(actor=Actor(user, "session"), team=team, name="ci", role=Role.VIEWER)


@pytest.mark.parametrize("model", MODELS)
def test_a_long_list_asks_no_more_than_a_short_one(
    model: str, inside: Client, django_assert_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    crowd(2, 0)
    inside.get(address(model))
    with CaptureQueriesContext(connection) as short:
        inside.get(address(model))
    crowd(6, 2)
    with django_assert_num_queries(len(short)):
        assert inside.get(address(model)).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_lists_can_be_searched_and_rows_opened(model: str, inside: Client) -> None:
    crowd(1, 0)
    assert inside.get(address(model), {"q": "u0"}).status_code == 200
    row = next(m for m in admin.site._registry if m.__name__.lower() == model)._default_manager.first()
    assert row is not None
    assert inside.get(address(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("user", "is_active__exact=0"),
        ("user", "is_superuser__exact=1"),
        ("team", "personal_of__isempty=1"),
        ("quota", "state__exact=pending"),
        ("apitoken", "state=usable"),
        ("apitoken", "state=expired"),
        ("apitoken", "state=revoked"),
        ("event", "about=user"),
    ],
)
def test_lists_can_be_filtered(model: str, query: str, inside: Client) -> None:
    answer = inside.get(f"{address(model)}?{query}")
    assert answer.status_code == 200
    assert "e=1" not in answer.request["QUERY_STRING"]  # where the admin sends what it cannot filter by


def test_tokens_are_filtered_by_their_state(inside: Client, robur: Team, alice: User) -> None:
    from django.utils import timezone

    names = ("usable", "expired", "revoked")
    for name in names:
        token_issue(actor=Actor(alice, "session"), team=robur, name=f"{name}-one", role=Role.VIEWER)
    ApiToken.objects.filter(name="expired-one").update(expires_at=timezone.now())
    ApiToken.objects.filter(name="revoked-one").update(revoked_at=timezone.now())
    for state in names:
        page = inside.get(address("apitoken"), {"state": state}).text
        assert [name for name in names if f"{name}-one" in page] == [state]


def test_no_secret_is_shown_anywhere(inside: Client, root: User, alice: User, token_of: TokenOf) -> None:
    text = token_of(alice, Role.VIEWER)
    token = token_find(text)
    assert token is not None
    factor = Authenticator.objects.create(user=alice, type="totp", data={"secret": seal("JBSWY3DP")})
    pages = [
        inside.get(path).text
        for path in (
            address("apitoken"),
            address("apitoken", "change", token.pk),
            address("event"),
            address("user", "change", alice.pk),
            reverse("admin:mfa_authenticator_changelist"),
            reverse("admin:mfa_authenticator_change", args=[factor.pk]),
        )
    ]
    for page in pages:
        for secret in (text, text.rpartition("_")[2], token.secret_hash, factor.data["secret"], "JBSWY3DP"):
            assert secret not in page
    alice.refresh_from_db()
    for part in alice.password.split("$")[1:]:
        assert part[:6] not in pages[3]


# --- what is only read ---------------------------------------------------------------------------

READ_ONLY = ["quota", "apitoken", "event"]


@pytest.mark.parametrize("model", READ_ONLY)
def test_what_services_write_is_only_read(model: str, inside: Client) -> None:
    crowd(1, 0)
    row = next(m for m in admin.site._registry if m.__name__.lower() == model)._default_manager.first()
    assert row is not None
    before = type(row)._default_manager.count(), Event.objects.count()
    assert inside.get(address(model, "add")).status_code == 403
    assert inside.post(address(model, "add"), {}).status_code == 403
    assert inside.post(address(model, "change", row.pk), {"kind": "other"}).status_code == 403
    assert inside.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert (type(row)._default_manager.count(), Event.objects.count()) == before


@pytest.mark.parametrize("model", ["user", "team"])
def test_people_and_teams_are_not_deleted(model: str, inside: Client, robur: Team, alice: User) -> None:
    row = {"user": alice, "team": robur}[model]
    assert inside.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in inside.get(address(model)).text


def test_a_quota_leads_to_its_page(inside: Client) -> None:
    crowd(1, 0)
    quota = Quota.objects.get()
    assert reverse("pages:quotas") in inside.get(address("quota", "change", quota.pk)).text


# --- people --------------------------------------------------------------------------------------


def test_people_who_wait_are_let_in(inside: Client, root: User) -> None:
    waiting = [user_register(email=f"w{n}@example.org", password=PASSWORD) for n in range(2)]
    act(inside, "user", "activate", *waiting)
    for user in waiting:
        user.refresh_from_db()
        assert user.is_active
        assert user.personal_team.domain == user.email[:2]
        event = Event.objects.filter(kind="user.activated", subject=f"user:{user.pk}").get()
        assert (event.actor, event.credential) == (root, "session")


def test_people_are_shut_out_and_oneself_is_not(inside: Client, root: User, alice: User) -> None:
    answer = act(inside, "user", "deactivate", root, alice)
    alice.refresh_from_db()
    root.refresh_from_db()
    assert (alice.is_active, root.is_active) == (False, True)
    assert "You cannot shut yourself out" in answer.text


def test_the_last_superuser_stays_also_here(inside: Client, root: User) -> None:
    act(inside, "user", "take_superuser", root)
    assert not needs_setup()


def test_superusers_are_made_and_unmade(inside: Client, alice: User) -> None:
    for action, expected in (("make_superuser", True), ("take_superuser", False)):
        act(inside, "user", action, alice)
        alice.refresh_from_db()
        assert alice.is_superuser is expected


def test_a_person_is_added_through_the_service(inside: Client) -> None:
    data = {"email": "Erin@example.org", "password1": PASSWORD, "password2": PASSWORD}
    answer = inside.post(address("user", "add"), data)
    assert answer.status_code == 302, answer.text
    user = User.objects.get(email="erin@example.org")
    assert user.is_active
    assert user.personal_team.domain == "erin"
    assert user.check_password(PASSWORD)
    assert Event.objects.filter(kind="user.added").exists()


@pytest.mark.parametrize("change", [{"email": "alice@example.org"}, {"password1": "x", "password2": "x"}])
def test_a_person_that_cannot_be_added_is_told(change: dict[str, str], inside: Client, alice: User) -> None:
    data = {"email": "erin@example.org", "password1": PASSWORD, "password2": PASSWORD}
    answer = inside.post(address("user", "add"), data | change)
    assert answer.status_code == 200
    assert "errorlist" in answer.text
    assert not User.objects.filter(email="erin@example.org").exists()


def test_a_form_changes_the_name_only(inside: Client, alice: User) -> None:
    data = {"name": "Alice B.", "email": "other@example.org", "is_superuser": "on", "is_active": ""}
    inside.post(address("user", "change", alice.pk), data)
    alice.refresh_from_db()
    assert (alice.name, alice.email, alice.is_superuser, alice.is_active) == (
        "Alice B.",
        "alice@example.org",
        False,
        True,
    )


def test_a_password_is_set_and_written_down(inside: Client, root: User, alice: User) -> None:
    new = "quite another password"
    path = reverse("admin:auth_user_password_change", args=[alice.pk])
    data = {"password1": new, "password2": new, "usable_password": "true"}
    assert inside.post(path, data).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(new)
    event = Event.objects.get(kind="user.password_set")
    assert (event.actor, event.subject) == (root, f"user:{alice.pk}")
    assert new not in str(list(Event.objects.values()))
    assert inside.post(path, data | {"password2": "typo"}).status_code == 200
    assert Event.objects.filter(kind="user.password_set").count() == 1


def test_a_lost_second_factor_is_taken_away(inside: Client, root: User, alice: User) -> None:
    factor = Authenticator.objects.create(user=alice, type="totp", data={"secret": seal("x")})
    inside.post(
        reverse("admin:mfa_authenticator_changelist"),
        {"action": "remove", "_selected_action": [factor.pk], "confirmed": "yes"},
    )
    assert not Authenticator.objects.exists()
    assert Event.objects.get(kind="user.second_factor_removed").actor == root


# --- teams, tokens -------------------------------------------------------------------------------


def test_a_team_is_made_for_somebody_with_a_domain(inside: Client, alice: User) -> None:
    data = {"name": "Lab", "domain": "lab.example", "owner": alice.pk}
    assert inside.post(address("team", "add"), data).status_code == 302
    team = Team.objects.get(name="lab")
    assert team.domain == "lab.example"
    assert Membership.objects.get(team=team).user == alice
    assert Event.objects.filter(kind="team.created", team=team).exists()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "robur"},
        {"domain": "ROBUR"},
        {"name": "some.example"},
        {"domain": "some"},
        {"domain": "."},
        {"name": "new"},
        {"owner": ""},
    ],
)
def test_a_team_that_cannot_be_made_is_told(
    change: dict[str, str], inside: Client, robur: Team, alice: User
) -> None:
    Team.objects.create(name="some", domain="some.example")
    data = {"name": "lab", "domain": "lab", "owner": str(alice.pk)} | change
    answer = inside.post(address("team", "add"), data)
    assert answer.status_code == 200
    assert "errorlist" in answer.text
    assert not Team.objects.filter(name="lab").exists()


def test_a_team_tells_its_members_and_leads_to_its_page(inside: Client, robur: Team, bob: User) -> None:
    page = inside.get(address("team", "change", robur.pk)).text
    assert "bob@example.org" in page
    assert 'href="/teams/robur/"' in page


def test_a_team_is_not_changed_by_a_form(inside: Client, robur: Team) -> None:
    answer = inside.post(address("team", "change", robur.pk), {"name": "other", "domain": "other"})
    assert answer.status_code == 403
    robur.refresh_from_db()
    assert robur.domain == "robur"


def test_tokens_are_revoked(inside: Client, alice: User, token_of: TokenOf) -> None:
    text = token_of(alice, Role.VIEWER)
    act(inside, "apitoken", "revoke", token_find(text))
    assert token_find(text) is None
    assert Event.objects.filter(kind="token.revoked").exists()


def test_events_tell_who_and_what(inside: Client, alice: User, robur: Team) -> None:
    record(actor=Actor(alice, "session", "192.0.2.1"), kind="x.y", subject="team:1", reason="<b>because</b>")
    page = inside.get(address("event"), {"q": "x.y"}).text
    assert "192.0.2.1" in page
    assert "<b>because" not in page


def test_every_model_of_this_app_is_in_the_admin_but_the_set_up_token() -> None:
    registered = {model.__name__ for model in admin.site._registry if model.__module__ == "accounts.models"}
    assert registered == {"User", "Team", "Quota", "ApiToken", "Event", "MailChoice", "Letter"}
