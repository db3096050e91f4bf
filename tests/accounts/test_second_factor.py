"""Two-factor login: turned on, asked for, sealed, turned off."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.messages import get_messages
from django.test import Client

from accounts.models import Event, User
from mollymawk.keyring import unseal
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
ACTIVATE = "/accounts/2fa/totp/activate/"


def code(secret: str, later: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later))  # type: ignore[no-any-return]  # allauth has no types


@pytest.fixture
def inside(client: Client, alice: User) -> Client:
    client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def test_a_change_asks_for_the_password_again(client: Client, alice: User) -> None:
    client.force_login(alice)
    answer = client.get(ACTIVATE)
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    assert "Is it you?" in client.get(answer.headers["Location"]).text


@pytest.fixture
def secret(inside: Client, django_capture_on_commit_callbacks: Any) -> str:
    found = re.search(r'value="([A-Z2-7]{32})"', inside.get(ACTIVATE).text)
    assert found is not None
    with django_capture_on_commit_callbacks(execute=True):
        answer = inside.post(ACTIVATE, {"code": code(found[1])})
    assert answer.status_code == 302
    return found[1]


def test_the_page_shows_a_picture_and_the_secret_without_foreign_sources(inside: Client) -> None:
    page = inside.get(ACTIVATE).text
    assert 'src="data:image/svg' in page
    assert not re.search(r'(src|href)="https?://', page)


def test_a_wrong_code_turns_nothing_on(inside: Client) -> None:
    inside.get(ACTIVATE)
    inside.post(ACTIVATE, {"code": "000000"})
    assert not Authenticator.objects.exists()


def test_the_secret_is_sealed_and_stands_in_no_event(secret: str, alice: User) -> None:
    factor = Authenticator.objects.get(type="totp")
    assert secret not in str(factor.data)
    assert unseal(factor.data["secret"]) == secret
    events = Event.objects.filter(actor=alice)
    assert secret not in str(list(events.values()))
    assert events.filter(kind="user.second_factor_added").exists()


def test_the_password_alone_lets_nobody_in_any_more(secret: str, alice: User) -> None:
    other = Client()
    answer = other.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    asked = answer.headers["Location"]
    assert asked == "/accounts/2fa/authenticate/"
    assert other.get("/teams/").status_code == 302
    assert "<h1>" in other.get(asked).text
    other.post(asked, {"code": "000000"})
    assert other.get("/teams/").status_code == 302
    other.post(asked, {"code": code(secret, later=1)})
    assert other.get("/teams/").status_code == 200


def test_a_wrong_code_is_written_down(secret: str, alice: User) -> None:
    other = Client(REMOTE_ADDR="192.0.2.7")
    other.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    for _ in range(2):
        other.post("/accounts/2fa/authenticate/", {"code": "000000"})
    event = Event.objects.get(kind="user.login_failed")
    assert (event.subject, event.data["with"]) == (f"user:{alice.pk}", "totp")
    assert "192.0.2.7" in event.reason


def test_who_is_in_elsewhere_is_out_when_a_factor_comes_or_goes(
    inside: Client, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    other = Client()
    other.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    assert other.get("/teams/").status_code == 200
    found = re.search(r'value="([A-Z2-7]{32})"', inside.get(ACTIVATE).text)
    assert found is not None
    with django_capture_on_commit_callbacks(execute=True):
        answer = inside.post(ACTIVATE, {"code": code(found[1])})
    assert "Everywhere else you are logged out" in str(list(get_messages(answer.wsgi_request)))
    assert (inside.get("/teams/").status_code, other.get("/teams/").status_code) == (200, 302)
    assert Event.objects.get(kind="user.sessions_ended").data == {"count": 1}
    other.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    other.post("/accounts/2fa/authenticate/", {"code": code(found[1], later=1)})
    assert other.get("/teams/").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        inside.post("/accounts/2fa/totp/deactivate/")
    assert (inside.get("/teams/").status_code, other.get("/teams/").status_code) == (200, 302)


def test_codes_are_tried_only_so_often_from_wherever(secret: str, alice: User) -> None:
    other = Client()
    other.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    asked = "/accounts/2fa/authenticate/"
    for number in range(5):
        other.post(asked, {"code": "000000"}, REMOTE_ADDR=f"192.0.2.{number}")
    right = other.post(asked, {"code": code(secret, later=1)}, REMOTE_ADDR="198.51.100.1")
    assert "Too many" in right.text
    assert other.get("/teams/").status_code == 302


def test_a_recovery_code_lets_in_once(secret: str, inside: Client, alice: User) -> None:
    page = inside.get("/accounts/2fa/recovery-codes/").text
    codes = re.findall(r"^\s*(?:<pre[^>]*>)?(\d{8})\s*$", page, re.MULTILINE)
    assert len(codes) == 10
    for expected in (200, 302):
        other = Client()
        other.post(LOGIN, {"login": alice.email, "password": PASSWORD})
        other.post("/accounts/2fa/authenticate/", {"code": codes[0]})
        assert other.get("/teams/").status_code == expected


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("path", ["", "totp/deactivate/", "recovery-codes/", "recovery-codes/generate/"])
def test_the_pages_are_there(path: str, inside: Client) -> None:
    answer = inside.get(f"/accounts/2fa/{path}")
    assert answer.status_code == 200
    assert "<h1>" in answer.text


@pytest.mark.usefixtures("secret")
def test_it_can_be_turned_off(inside: Client, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        inside.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()
    assert Event.objects.filter(kind="user.second_factor_removed").exists()
