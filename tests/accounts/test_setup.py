"""The first superuser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import tokens
from accounts.actors import COMMAND
from accounts.models import Event, Role, SetupToken, User
from accounts.services import (
    needs_setup,
    setup_token_issue,
    setup_token_redeem,
    team_create,
    user_activate,
    user_add,
    user_register,
)
from accounts.services.setup import LIFETIME
from mollymawk.errors import Conflict, Invalid
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db

SETUP = "/setup/"
NEW = {"email": "root@example.org", "password": PASSWORD}


def redeem(token: str, **changes: str) -> User:
    return setup_token_redeem(**{"token": token, "email": "root@example.org", "password": PASSWORD} | changes)


def test_the_holder_of_the_token_becomes_the_first_superuser() -> None:
    assert needs_setup()
    user = redeem(f" {setup_token_issue()} ", address="192.0.2.1")
    assert user.is_superuser
    assert user.is_active
    assert user.check_password(PASSWORD)
    assert user.personal_team.domain == "root-2"  # root alone is reserved
    assert not needs_setup()
    event = Event.objects.get(kind="user.setup")
    assert (event.actor, event.credential, event.address) == (user, "set-up token", "192.0.2.1")


def test_the_token_itself_is_nowhere_kept() -> None:
    token = setup_token_issue()
    redeem(token)
    assert token not in str(list(SetupToken.objects.values())) + str(list(Event.objects.values()))


def test_the_token_works_once() -> None:
    token = setup_token_issue()
    redeem(token)
    assert not SetupToken.objects.exists()
    with pytest.raises(Conflict):
        redeem(token, email="second@example.org")
    assert User.objects.count() == 1


def test_a_new_token_voids_the_one_before() -> None:
    old, new = setup_token_issue(), setup_token_issue()
    with pytest.raises(Invalid):
        redeem(old)
    assert redeem(new).is_superuser


def test_an_old_token_is_void() -> None:
    token = setup_token_issue()
    SetupToken.objects.update(created_at=timezone.now() - LIFETIME - timedelta(seconds=1))
    with pytest.raises(Invalid):
        redeem(token)


@pytest.mark.parametrize("token", ["", "wrong", "\0", "é", "x" * 10_000])
def test_another_token_makes_nobody_a_superuser(token: str) -> None:
    setup_token_issue()
    with pytest.raises(Invalid) as caught:
        redeem(token)
    assert list(caught.value.fields) == ["token"]
    assert not User.objects.exists()


def test_without_a_token_there_is_nothing_to_redeem() -> None:
    with pytest.raises(Invalid):
        redeem("")


def test_a_weak_password_leaves_the_token_good() -> None:
    token = setup_token_issue()
    with pytest.raises(Invalid) as caught:
        redeem(token, password="short")
    assert list(caught.value.fields) == ["password"]
    assert redeem(token).is_superuser


def test_there_is_no_set_up_once_there_is_a_superuser(root: User) -> None:
    with pytest.raises(Conflict):
        setup_token_issue()


def test_a_token_from_before_the_superuser_is_worth_nothing(alice: User) -> None:
    token = setup_token_issue()
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    with pytest.raises(Conflict):
        redeem(token)


def test_registering_and_being_let_in_makes_no_superuser() -> None:
    user = user_register(email="erin@example.org", password=PASSWORD)
    user_activate(actor=COMMAND, user=user)
    assert not user.is_superuser
    assert needs_setup()


def test_an_account_that_waits_becomes_that_of_the_holder() -> None:
    """Whoever registered under this address before knew a password; it is worth nothing now."""
    user_register(email="root@example.org", password="somebody's password")
    user = redeem(setup_token_issue())
    assert User.objects.get() == user
    assert user.check_password(PASSWORD)
    assert user.is_superuser


@pytest.mark.parametrize(
    "first", [lambda: redeem(setup_token_issue()), lambda: user_add(actor=COMMAND, **NEW, superuser=True)]
)
def test_a_team_without_members_is_the_first_superusers(first: Callable[[], User]) -> None:
    team = team_create(actor=COMMAND, name="demo")
    user = first()
    assert list(team.memberships.values_list("user", "role")) == [(user.pk, Role.OWNER)]


# --- the page ------------------------------------------------------------------------------------


def filled(token: str, **changes: str) -> dict[str, str]:
    return {"token": token, "email": "root@example.org", "password": PASSWORD, "again": PASSWORD} | changes


def test_the_page_makes_the_superuser_and_logs_in(client: Client) -> None:
    token = setup_token_issue()
    assert token not in client.get(SETUP).text
    answer = client.post(SETUP, filled(token))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get(reverse("teams")).status_code == 200
    sensitive = client.get("/admin/accounts/user/add/")
    assert sensitive.status_code == 200, "the password was given a moment ago"
    assert Client().get(SETUP).status_code == 404


def test_the_printed_link_fills_the_token_in(client: Client) -> None:
    assert 'value="abc123"' in client.get(SETUP, {"token": "abc123"}).text


def test_the_page_is_not_there_once_there_is_a_superuser(client: Client, root: User) -> None:
    assert client.get(SETUP).status_code == 404
    assert client.post(SETUP, filled("x")).status_code == 404


def test_the_form_keeps_what_was_typed_but_no_password(client: Client) -> None:
    setup_token_issue()
    answer = client.post(SETUP, filled("wrong", email="erin@example.org"))
    assert answer.status_code == 422
    assert "erin@example.org" in answer.text
    assert "not the token that the server printed" in answer.text
    assert PASSWORD not in answer.text


def test_two_passwords_that_differ_are_told(client: Client) -> None:
    token = setup_token_issue()
    answer = client.post(SETUP, filled(token, again="another one"))
    assert "differ" in answer.text
    assert not User.objects.exists()


def test_a_wrong_token_can_only_be_tried_so_often(client: Client) -> None:
    token = setup_token_issue()
    statuses = [client.post(SETUP, filled(tokens.random_text(30))).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    assert client.post(SETUP, filled(token)).status_code == 429
    assert not User.objects.exists()


def test_attempts_are_counted_for_each_address(client: Client, settings: Any) -> None:
    token = setup_token_issue()
    for _ in range(6):
        client.post(SETUP, filled("wrong"), REMOTE_ADDR="192.0.2.1")
    assert client.post(SETUP, filled(token), REMOTE_ADDR="192.0.2.2").status_code == 302


def test_the_login_page_leads_to_set_up_only_while_it_is_needed(client: Client) -> None:
    assert SETUP in client.get(reverse("account_login")).text
    redeem(setup_token_issue())
    assert SETUP not in client.get(reverse("account_login")).text
