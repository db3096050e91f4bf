"""Who may register, what an account waits for, and that no stranger learns who is here. Mail is real."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts import registration
from accounts.actors import SYSTEM
from accounts.checks import check_registration
from accounts.mail.tasks import send_due
from accounts.models import Event, User
from accounts.services import user_activate, user_add, user_deactivate
from tests.accounts.test_login import INACTIVE, log_in, sign_up
from tests.cast import PASSWORD, ClientOf
from tests.mail.conftest import mailed
from tests.mail.office import PostOffice, text_of

__all__ = ["mailed"]

pytestmark = pytest.mark.django_db

SENT = "/accounts/confirm-email/"
SIGNUP = "/accounts/signup/"


@pytest.fixture
def post(mailed: None, settings: Any) -> Iterator[PostOffice]:
    """Mail goes out, so addresses have to be confirmed."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    office = PostOffice()
    office.start()
    settings.EMAIL_PORT = office.port
    yield office
    office.stop()


def newest(post: PostOffice) -> str:
    """The text of the letter that came last, once a worker has sent all of them."""
    send_due()
    return text_of(post.last)


def link_in(post: PostOffice) -> str:
    found = re.search(r"http://testserver(\S+)", newest(post))
    assert found is not None
    return found[1]


def confirm(client: Client, post: PostOffice) -> Any:
    link = link_in(post)
    assert "It is mine" in client.get(link).text
    return client.post(link)


# --- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_a_stranger_cannot_register_unless_it_is_open(mode: str, client: Client, settings: Any) -> None:
    settings.REGISTRATION = mode
    page = client.get(SIGNUP).text
    assert "<form" not in page
    sign_up(client, "erin@example.org")
    assert not User.objects.exists()
    assert SIGNUP not in client.get("/accounts/login/").text


def test_who_was_invited_registers_and_is_in_at_once(
    client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REGISTRATION, settings.REGISTRATION_APPROVAL = "invite", False
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    monkeypatch.setattr(registration, "invited_address", lambda _: "erin@example.org")
    assert sign_up(client, "erin@example.org").headers["Location"] == "/"
    assert EmailAddress.objects.get().verified, "the link of the invitation came to this address"
    assert client.get("/teams/").status_code == 200
    assert User.objects.get().personal_team.name == "erin"


def test_without_approval_and_confirmation_one_is_in_at_once(client: Client, settings: Any) -> None:
    settings.REGISTRATION_APPROVAL = False
    assert [message.id for message in check_registration()] == ["accounts.W003"]
    sign_up(client, "erin@example.org")
    assert client.get("/teams/").status_code == 200


# --- confirming an address -----------------------------------------------------------------------


def test_an_account_counts_once_its_address_is_confirmed(
    client: Client, post: PostOffice, settings: Any
) -> None:
    settings.REGISTRATION_APPROVAL = False
    assert sign_up(client, "erin@example.org").headers["Location"] == SENT
    assert "Open the link" in client.get(SENT).text
    assert log_in(Client(), "erin@example.org").headers["Location"] == SENT
    assert not User.objects.get().is_active
    confirm(Client(), post)
    assert log_in(client, "erin@example.org").headers["Location"] == "/"
    assert Event.objects.filter(kind="user.email_confirmed", subject=f"user:{User.objects.get().pk}").exists()


def test_with_approval_a_confirmed_account_waits_for_a_superuser(client: Client, post: PostOffice) -> None:
    sign_up(client, "erin@example.org")
    assert confirm(client, post).headers["Location"] == INACTIVE
    assert log_in(client, "erin@example.org").headers["Location"] == INACTIVE
    user_activate(actor=SYSTEM, user=User.objects.get())
    assert log_in(client, "erin@example.org").headers["Location"] == "/"


def test_who_is_let_in_first_still_has_to_confirm(client: Client, post: PostOffice) -> None:
    sign_up(client, "erin@example.org")
    user_activate(actor=SYSTEM, user=User.objects.get())
    assert log_in(client, "erin@example.org").headers["Location"] == SENT
    confirm(Client(), post)
    assert log_in(client, "erin@example.org").headers["Location"] == "/"


def test_a_setting_changed_later_lets_nobody_in_who_waits(
    client: Client, post: PostOffice, settings: Any
) -> None:
    sign_up(client, "erin@example.org")
    settings.REGISTRATION_APPROVAL = False
    confirm(client, post)
    assert not User.objects.get().is_active


def test_who_was_shut_out_is_not_let_in_by_a_link(client: Client, post: PostOffice, settings: Any) -> None:
    settings.REGISTRATION_APPROVAL = False
    sign_up(client, "erin@example.org")
    user = User.objects.get()
    user_deactivate(actor=SYSTEM, user=user_activate(actor=SYSTEM, user=user))
    confirm(client, post)
    assert log_in(client, "erin@example.org").headers["Location"] == INACTIVE


def test_a_stranger_learns_nothing_from_registering_again(client: Client, post: PostOffice) -> None:
    user_add(actor=SYSTEM, email="alice@example.org", password=PASSWORD)
    new, known = sign_up(client, "erin@example.org"), sign_up(Client(), "alice@example.org")
    assert (new.status_code, new.headers["Location"]) == (known.status_code, known.headers["Location"])
    assert new.cookies.keys() == known.cookies.keys()
    assert "has an account already" in newest(post)
    assert post.told == ["erin@example.org", "alice@example.org"]


def test_no_page_waits_for_the_mail_server_so_its_time_tells_nothing_either(
    client: Client, post: PostOffice
) -> None:
    user_add(actor=SYSTEM, email="alice@example.org", password=PASSWORD)
    path = "/accounts/password/reset/"
    known, unknown = (client.post(path, {"email": f"{name}@example.org"}) for name in ("alice", "nobody"))
    assert (known.status_code, known.headers["Location"]) == (
        unknown.status_code,
        unknown.headers["Location"],
    )
    assert post.told == []
    send_due()
    assert post.told == ["alice@example.org"]


def test_who_was_there_before_needs_no_link(client: Client, post: PostOffice) -> None:
    """Operators vouch for whom they add; without a confirmed address nobody is locked out by a mail server."""
    user_add(actor=SYSTEM, email="alice@example.org", password=PASSWORD)
    assert log_in(client, "alice@example.org").headers["Location"] == "/"


# --- another address, another password -----------------------------------------------------------


def test_another_address_counts_once_its_link_was_opened(
    alice: User, post: PostOffice, client_of: ClientOf
) -> None:
    client = client_of(alice)
    client.post("/accounts/email/", {"email": "new@example.org", "action_add": ""})
    alice.refresh_from_db()
    send_due()
    assert (alice.email, post.told) == ("alice@example.org", ["new@example.org"])
    assert "waits for that" in client.get("/accounts/email/").text
    confirm(client, post)
    alice.refresh_from_db()
    assert alice.email == "new@example.org"
    event = Event.objects.get(kind="user.email_changed")
    assert event.data == {"was": "alice@example.org", "now": "new@example.org"}
    send_due()
    assert post.told[-1] == "alice@example.org", "the old address hears of it"


def test_a_forgotten_password_is_set_by_a_link_and_told_by_mail(client: Client, post: PostOffice) -> None:
    alice = user_add(actor=SYSTEM, email="alice@example.org", password=PASSWORD)
    client.post("/accounts/password/reset/", {"email": alice.email})
    path = client.get(link_in(post), follow=True).redirect_chain[-1][0]
    new = "quite another password"
    client.post(path, {"password1": new, "password2": new})
    assert log_in(client, alice.email, new).headers["Location"] == "/"
    assert "password was changed" in newest(post)
    assert Event.objects.filter(kind="user.password_reset", actor=alice).exists()
