"""Asking to be let in, logging in, changing a password: what allauth does, set up as we want it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.hashers import identify_hasher
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.actors import SYSTEM
from accounts.mail.tasks import send_due
from accounts.models import Event, Letter, Team, User
from accounts.services import user_activate, user_register
from tests.cast import PASSWORD, ClientOf

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
SIGNUP = "/accounts/signup/"
INACTIVE = "/accounts/inactive/"


def log_in(client: Client, email: str, password: str = PASSWORD, **extra: Any) -> Any:
    return client.post(LOGIN, {"login": email, "password": password}, **extra)


def sign_up(client: Client, email: str, password: str = PASSWORD, **extra: Any) -> Any:
    return client.post(SIGNUP, {"email": email, "password1": password, "password2": password}, **extra)


def test_a_person_logs_in_with_address_and_password(client: Client, alice: User) -> None:
    answer = log_in(client, "Alice@example.org")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/teams/").status_code == 200
    event = Event.objects.get(kind="user.logged_in")
    assert (event.actor, event.address) == (alice, "127.0.0.1")


def test_after_logging_in_one_is_where_one_wanted_to_be(client: Client, alice: User) -> None:
    asked = client.get("/teams/")
    assert asked.headers["Location"] == f"{LOGIN}?next=/teams/"
    answer = client.post(f"{LOGIN}?next=/teams/", {"login": alice.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/teams/"


def test_nobody_is_sent_to_another_site_after_logging_in(client: Client, alice: User) -> None:
    answer = client.post(f"{LOGIN}?next=https://evil.example/", {"login": alice.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_and_an_unknown_address_are_told_the_same(client: Client, alice: User) -> None:
    wrong = log_in(client, alice.email, "not the password")
    unknown = log_in(client, "nobody@example.org", "not the password")
    assert wrong.status_code == unknown.status_code == 200
    assert errors(wrong) == errors(unknown)
    assert errors(wrong)


def test_failed_logins_are_written_down_and_flood_nothing(client: Client, alice: User, bob: User) -> None:
    for email in (alice.email, alice.email.upper(), "nobody@example.org", "no-one@example.org", bob.email):
        log_in(client, email, "my secret guess", REMOTE_ADDR="192.0.2.7")
    log_in(client, alice.email, "my secret guess", REMOTE_ADDR="192.0.2.8")
    events = Event.objects.filter(kind="user.login_failed")
    assert [(event.subject, event.data["address"]) for event in events.order_by("pk")] == [
        (f"user:{alice.pk}", "192.0.2.7"),
        ("user:unknown", "192.0.2.7"),
        (f"user:{bob.pk}", "192.0.2.7"),
        (f"user:{alice.pk}", "192.0.2.8"),
    ]
    assert "guess" not in str(list(events.values()))
    assert "no-one" not in str(list(events.values()))


def errors(answer: Any) -> list[str]:
    return re.findall(r'role="alert">.*?</p>', answer.text, re.DOTALL)


def test_the_form_keeps_the_address(client: Client) -> None:
    assert 'value="nobody@example.org"' in log_in(client, "nobody@example.org").text


def test_who_waits_is_told_so_only_with_the_right_password(client: Client) -> None:
    user_register(email="erin@example.org", password=PASSWORD)
    right = log_in(client, "erin@example.org")
    assert right.headers["Location"] == INACTIVE
    assert "has to let this account in" in client.get(INACTIVE).text
    assert errors(log_in(client, "erin@example.org", "wrong one")) == errors(
        log_in(client, "nobody@example.org", "wrong one")
    )
    assert client.get("/teams/").status_code == 302


def test_a_password_is_tried_only_so_often(client: Client, alice: User) -> None:
    for number in range(10):
        log_in(client, alice.email, "wrong one", REMOTE_ADDR=f"192.0.2.{number}")
    blocked = log_in(client, alice.email, REMOTE_ADDR="198.51.100.1")
    assert "Too many failed logins" in blocked.text
    assert client.get("/teams/").status_code == 302


def test_one_address_cannot_try_many_accounts(client: Client) -> None:
    answers = [log_in(client, f"u{n}@example.org", REMOTE_ADDR="192.0.2.1") for n in range(12)]
    assert "Too many failed logins" in answers[-1].text
    other = log_in(client, "u99@example.org", REMOTE_ADDR="192.0.2.2")
    assert "Too many" not in other.text


def test_a_flood_of_names_lifts_no_limit() -> None:
    cache.set("counted", 5)
    for number in range(400):  # more than Django keeps unless told otherwise
        cache.set(f"name-{number}", 1)
    assert cache.get("counted") == 5


def test_a_client_cannot_invent_its_address(client: Client) -> None:
    answers = [log_in(client, f"u{n}@example.org", HTTP_X_FORWARDED_FOR=f"198.51.100.{n}") for n in range(12)]
    assert "Too many failed logins" in answers[-1].text


def test_registering_leads_to_waiting(client: Client) -> None:
    answer = sign_up(client, "Erin@example.org")
    assert answer.headers["Location"] == INACTIVE
    user = User.objects.get()
    assert (user.email, user.is_active, user.is_superuser) == ("erin@example.org", False, False)
    assert not Team.objects.exists()
    assert client.get("/teams/").status_code == 302
    assert Event.objects.get().kind == "user.registered"
    user_activate(actor=SYSTEM, user=user)
    assert log_in(client, "erin@example.org").headers["Location"] == "/"


def test_registering_again_looks_like_the_first_time(client: Client, alice: User) -> None:
    """Neither who waits nor who is in can be found out."""
    first = sign_up(client, "erin@example.org")
    for email in ("erin@example.org", alice.email, "ALICE@example.org"):
        again = sign_up(Client(), email, "quite another password")
        assert (again.status_code, again.headers["Location"]) == (
            first.status_code,
            first.headers["Location"],
        )
    assert User.objects.count() == 2
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_a_weak_password_is_not_taken(client: Client) -> None:
    answer = sign_up(client, "erin@example.org", "password")
    assert answer.status_code == 200
    assert "too common" in answer.text
    assert 'value="erin@example.org"' in answer.text
    assert not User.objects.exists()


def test_registration_cannot_ask_for_more(client: Client) -> None:
    client.post(
        SIGNUP,
        {
            "email": "erin@example.org",
            "password1": PASSWORD,
            "password2": PASSWORD,
            "is_superuser": "on",
            "is_active": "on",
            "is_staff": "on",
        },
    )
    user = User.objects.get()
    assert (user.is_superuser, user.is_active, user.is_staff) == (False, False, False)


def test_logging_out_asks_first_and_is_written_down(alice: User, client_of: ClientOf) -> None:
    client = client_of(alice)
    assert client.get("/accounts/logout/").status_code == 200
    assert client.get("/teams/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/teams/").status_code == 302
    assert Event.objects.filter(kind="user.logged_out", actor=alice).exists()


def test_changing_a_password_ends_the_other_sessions(alice: User, client_of: ClientOf) -> None:
    here, elsewhere = client_of(alice), client_of(alice)
    new = "quite another password"
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert here.get("/teams/").status_code == 200
    assert elsewhere.get("/teams/").status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(new)
    assert Event.objects.filter(kind="user.password_changed", actor=alice).exists()


def test_a_forgotten_password_is_set_by_a_link_in_a_mail(client: Client, alice: User) -> None:
    answer = client.post("/accounts/password/reset/", {"email": alice.email})
    assert answer.headers["Location"] == reverse("account_reset_password_done")
    send_due()
    link = re.search(r"http://\S+", str(mail.outbox[0].body))
    assert link is not None
    asked = client.get(link[0].removeprefix("http://testserver"), follow=True)
    path = asked.redirect_chain[-1][0]
    new = "quite another password"
    client.post(path, {"password1": new, "password2": new})
    alice.refresh_from_db()
    assert alice.check_password(new)


def test_asking_for_a_link_does_not_tell_whether_the_address_is_known(client: Client, alice: User) -> None:
    known = client.post("/accounts/password/reset/", {"email": alice.email})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@example.org"})
    assert known.headers["Location"] == unknown.headers["Location"]
    assert [letter.to for letter in Letter.objects.all()] == [alice.email]


def test_passwords_are_hashed_with_argon2() -> None:
    from mollymawk import settings as real

    assert real.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_a_password_is_nowhere_kept_in_the_clear(alice: User) -> None:
    assert PASSWORD not in alice.password
    assert identify_hasher(alice.password).verify(PASSWORD, alice.password)


@pytest.mark.parametrize(
    "path",
    [
        LOGIN,
        SIGNUP,
        INACTIVE,
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
        "/accounts/confirm-email/",
    ],
)
def test_guests_see(path: str, client: Client) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "<h1>" in answer.text


@pytest.mark.parametrize(
    "path", ["/accounts/password/change/", "/accounts/email/", "/accounts/2fa/", "/accounts/reauthenticate/"]
)
def test_people_see(path: str, alice: User, client: Client) -> None:
    log_in(client, alice.email)
    answer = client.get(path)
    assert answer.status_code == 200
    assert "<h1>" in answer.text
    assert "uccessful" not in answer.text


def test_the_admin_has_no_login_of_its_own(client: Client, alice: User, root: User) -> None:
    assert client.get("/admin/login/?next=/admin/").headers["Location"].startswith(LOGIN)
    client.force_login(alice)
    assert client.get("/admin/login/?next=/admin/").status_code == 403
