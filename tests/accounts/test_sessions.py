"""Where somebody is logged in: listed, ended one by one or all, gone with a password or an account."""

from __future__ import annotations

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from accounts.actors import SYSTEM
from accounts.models import Event, User
from accounts.services import user_activate, user_deactivate
from accounts.sessions import SEEN, browser_name
from tests.accounts.test_login import log_in
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"


@pytest.fixture
def desk(alice: User) -> Client:
    client = Client(HTTP_USER_AGENT=FIREFOX)
    log_in(client, alice.email)
    return client


@pytest.fixture
def phone(alice: User) -> Client:
    client = Client(HTTP_USER_AGENT=CHROME, REMOTE_ADDR="192.0.2.7")
    log_in(client, alice.email)
    return client


def is_in(client: Client) -> bool:
    return client.get("/teams/").status_code == 200


def test_the_page_tells_where_one_is_logged_in(desk: Client, phone: Client) -> None:
    page = desk.get("/sessions/").text
    assert "Firefox on Linux" in page
    assert "Chrome on Windows" in page
    assert "192.0.2.7" in page
    assert page.count("this one") == 1


def test_one_session_is_ended(desk: Client, phone: Client, alice: User) -> None:
    there = UserSession.objects.get(ip="192.0.2.7")
    desk.post(f"/sessions/{there.pk}/end/")
    assert (is_in(desk), is_in(phone)) == (True, False)
    event = Event.objects.get(kind="user.session_ended")
    assert (event.actor, event.data["address"]) == (alice, "192.0.2.7")
    assert str(there.session_key) not in str(event.data)


def test_all_others_are_ended(desk: Client, phone: Client) -> None:
    desk.post("/sessions/end-others/")
    assert (is_in(desk), is_in(phone)) == (True, False)
    assert Event.objects.get(kind="user.sessions_ended").data == {"count": 1}


def test_nobody_ends_the_session_of_somebody_else(desk: Client, bob: User) -> None:
    other = Client()
    log_in(other, bob.email)
    there = UserSession.objects.get(user=bob)
    assert desk.post(f"/sessions/{there.pk}/end/").status_code == 404
    assert is_in(other)


def test_the_sessions_end_with_the_account(desk: Client, alice: User) -> None:
    user_deactivate(actor=SYSTEM, user=alice)
    user_activate(actor=SYSTEM, user=alice)
    assert not is_in(desk), "who is let in again logs in again"


def test_another_password_ends_the_others_and_takes_them_off_the_list(desk: Client, phone: Client) -> None:
    new = "quite another password"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    desk.post("/accounts/password/change/", form)
    assert not is_in(phone)
    assert "192.0.2.7" not in desk.get("/sessions/").text


def test_use_is_written_down_now_and_then(desk: Client) -> None:
    session = desk.session
    session[SEEN] = 0
    session.save()
    desk.get("/teams/", REMOTE_ADDR="198.51.100.3")
    assert UserSession.objects.get().ip == "198.51.100.3"
    desk.get("/teams/", REMOTE_ADDR="198.51.100.4")
    assert UserSession.objects.get().ip == "198.51.100.3", "not for every request"


def test_a_browser_is_told_in_words() -> None:
    assert browser_name("curl/8.1") == "curl"
    assert browser_name("") == "unknown"
    assert browser_name("<script>") == "script"
