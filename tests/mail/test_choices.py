"""Everybody chooses what mail they get: on a page, or by the link in a letter, without a login."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.actors import SYSTEM
from accounts.mail.services import (
    choice_set,
    choices_of,
    letter_write,
    unsubscribe_token,
    wanted,
)
from accounts.mail.tasks import sweep
from accounts.mail.topics import ABOUT, Topic
from accounts.models import Letter, MailChoice, User
from accounts.services import user_deactivate
from mollymawk.errors import Invalid
from tests.cast import ClientOf

pytestmark = pytest.mark.django_db


def ticked(page: str) -> set[str]:
    return set(re.findall(r'name="topic" value="([^"]+)"[^>]* checked', page))


def write(user: User, topic: str = "failed") -> None:
    letter_write(users=[user], topic=topic, subject="hello", text="hello\n")


# --- choices -----------------------------------------------------------------------------------------


def test_defaults_hold_until_somebody_chooses(alice: User) -> None:
    assert choices_of(alice) == {topic: about.default for topic, about in ABOUT.items()}
    assert wanted(alice, "failed")
    assert not wanted(alice, "succeeded")
    choice_set(user=alice, topic="failed", wanted=False)
    choice_set(user=alice, topic="succeeded", wanted=True)
    assert not wanted(alice, "failed")
    assert wanted(alice, "succeeded")


def test_choosing_twice_leaves_one_choice(alice: User) -> None:
    for choice in (True, False, False):
        choice_set(user=alice, topic="failed", wanted=choice)
    assert [row.wanted for row in alice.mail_choices.all()] == [False]


def test_all_topics_have_words() -> None:
    assert set(ABOUT) == set(Topic)


def test_there_is_no_mail_about_anything_else(alice: User) -> None:
    for call in (
        lambda: choice_set(user=alice, topic="gossip", wanted=True),
        lambda: wanted(alice, "gossip"),
        lambda: write(alice, "gossip"),
    ):
        with pytest.raises(Invalid):
            call()


def test_letters_are_written_to_those_who_want_them(alice: User, bob: User, dave: User) -> None:
    choice_set(user=bob, topic="failed", wanted=False)
    user_deactivate(actor=SYSTEM, user=dave)
    dave.refresh_from_db()
    written = letter_write(users=[alice, alice, bob, dave], topic="failed", subject="hello", text="hello\n")
    assert written == 1
    assert [letter.user for letter in Letter.objects.all()] == [alice]


# --- the page ----------------------------------------------------------------------------------------


def test_the_page_is_in_the_account_menu(alice: User, client_of: ClientOf) -> None:
    assert '<a href="/mail/">Mail</a>' in client_of(alice).get("/").text


def test_the_page_shows_and_keeps_choices(alice: User, client_of: ClientOf) -> None:
    client = client_of(alice)
    page = client.get("/mail/").text
    assert ticked(page) == {topic for topic, about in ABOUT.items() if about.default}
    assert "alice@example.org" in page
    answer = client.post("/mail/", {"topic": ["succeeded", "checks"]})
    assert answer.headers["Location"] == "/mail/"
    page = client.get("/mail/").text
    assert ticked(page) == {"succeeded", "checks"}
    assert "Saved." in page


def test_only_what_differs_is_kept(alice: User, client_of: ClientOf) -> None:
    defaults = [topic.value for topic, about in ABOUT.items() if about.default]
    client_of(alice).post("/mail/", {"topic": [*defaults, "succeeded", "gossip"]})
    assert [(row.topic, row.wanted) for row in alice.mail_choices.all()] == [("succeeded", True)]


def test_everybody_chooses_for_themselves(alice: User, bob: User, client_of: ClientOf) -> None:
    client_of(alice).post("/mail/", {"topic": []})
    assert not any(choices_of(alice).values())
    assert not bob.mail_choices.exists()


def test_the_page_needs_a_login_and_its_own_form(alice: User) -> None:
    assert Client().get("/mail/").headers["Location"] == "/accounts/login/?next=/mail/"
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post("/mail/", {"topic": []}).status_code == 403
    assert not MailChoice.objects.exists()


def test_the_page_tells_what_became_of_a_letter_that_did_not_arrive(alice: User, client_of: ClientOf) -> None:
    client = client_of(alice)
    write(alice)
    assert "could not be sent" not in client.get("/mail/").text, "it was not tried yet"
    Letter.objects.update(tries=1, trouble_text="550 no such user")
    assert "could not be sent yet: 550 no such user" in client.get("/mail/").text
    write(alice)
    sweep()
    assert "could not be sent" not in client.get("/mail/").text, "the newest one arrived"


def test_superusers_are_told_that_mail_goes_to_the_log(alice: User, root: User, client_of: ClientOf) -> None:
    assert "EMAIL_HOST" in client_of(root).get("/mail/").text
    assert "EMAIL_HOST" not in client_of(alice).get("/mail/").text


# --- the link in a letter ----------------------------------------------------------------------------


def stop_link(user: User, topic: str = "failed") -> str:
    """The link to unsubscribe, from a letter."""
    write(user, topic)
    sweep()
    link: str = mail.outbox[-1].extra_headers["List-Unsubscribe"]
    return link.strip("<>").removeprefix("http://127.0.0.1:8000")


def test_looking_at_the_link_changes_nothing(alice: User) -> None:
    page = Client().get(stop_link(alice))
    assert page.status_code == 200
    assert "Stop this mail?" in page.text
    assert "alice@example.org" in page.text
    assert wanted(alice, "failed")


def test_one_press_stops_this_topic_and_no_other(alice: User) -> None:
    link = stop_link(alice)
    page = Client().post(link)
    assert page.status_code == 200
    assert "gets no mail about “Failed” any more" in page.text
    assert {topic for topic, chosen in choices_of(alice).items() if not chosen} == {"failed", "succeeded"}
    assert "any more" in Client().get(link).text
    assert Client().post(link).status_code == 200, "twice is once"


def test_a_mail_program_stops_it_with_one_post(alice: User) -> None:
    """RFC 8058: no cookie, no token of a form, this body, and 200."""
    client = Client(enforce_csrf_checks=True)
    answer = client.post(
        stop_link(alice),
        "List-Unsubscribe=One-Click",
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 200
    assert "Location" not in answer.headers
    assert not wanted(alice, "failed")


def test_what_waits_is_not_sent_after_it_was_stopped(alice: User) -> None:
    link = stop_link(alice)
    write(alice)
    Client().post(link)
    assert sweep() == 0


@pytest.mark.parametrize("token", ["x", "1.failed", "1.failed.AAAA", "1.failed." + "A" * 43, "a.b.c.d"])
def test_a_link_that_nobody_signed_stops_nothing(token: str, alice: User) -> None:
    client = Client()
    assert client.get(f"/mail/stop/{token}/").status_code == 404
    assert client.post(f"/mail/stop/{token}/").status_code == 404
    assert not MailChoice.objects.exists()


def test_a_link_is_good_for_its_own_person_and_topic(alice: User, bob: User) -> None:
    _, _, signature = unsubscribe_token(alice, "failed").rpartition(".")
    for forged in (f"{bob.pk}.failed.{signature}", f"{alice.pk}.checks.{signature}"):
        assert Client().post(f"/mail/stop/{forged}/").status_code == 404
    assert not MailChoice.objects.exists()


def test_a_link_of_somebody_who_is_gone_says_so(charlie: User) -> None:
    token = unsubscribe_token(charlie, "failed")
    charlie.personal_team.delete()
    charlie.delete()
    assert Client().post(f"/mail/stop/{token}/").status_code == 404


def test_the_link_outlives_the_login_and_works_for_those_shut_out(dave: User) -> None:
    link = stop_link(dave)
    user_deactivate(actor=SYSTEM, user=dave)
    assert Client().post(link).status_code == 200
    assert not wanted(dave, "failed")


def test_other_methods_are_told(alice: User) -> None:
    assert Client().put(stop_link(alice)).status_code == 405
