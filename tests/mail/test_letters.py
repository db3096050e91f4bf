"""What letters say: what happened, whether it runs, what to do, one link; and what they never say."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.events import record
from accounts.mail.services import choice_set
from accounts.mail.tasks import sweep
from accounts.models import Letter, User
from accounts.services import user_deactivate
from tests.api.house import House
from tests.cast import ClientOf
from tests.mail.ends import ended, window
from unikernels.letters.checks import is_news
from unikernels.letters.operations import text_of
from unikernels.letters.words import HIDDEN, secrets_in, without
from unikernels.models import Check, Operation, Version
from unikernels.operations.machine import Kind, State

pytestmark = pytest.mark.django_db

LINK = re.compile(r"https?://\S+")


def letter_to(user: User) -> Letter:
    letter = user.letters.first()
    assert letter is not None
    return letter


# --- operations --------------------------------------------------------------------------------------


def test_a_letter_about_a_rollback_says_all_that_is_needed(house: House, alice: User, dave: User) -> None:
    operation = ended(house, Kind.UPGRADE, State.ROLLED_BACK, requested_by=dave)
    asked = f"{operation.created_at:%Y-%m-%d %H:%M} UTC"
    assert letter_to(alice).text == (
        "Rolled back: It did not answer. Version 1 runs again.\n\n"
        f"Upgrade of robur:hello on fra-1, asked for {asked} by dave@example.org\n\n"
        "Running: yes, version 1\n"
        "To do:   read the last console lines, mend the build or its configuration.\n\n"
        f"http://127.0.0.1:8000/operations/{operation.pk}/\n\n"
        "Last console lines:\n"
        "  Solo5: Bindings version v0.9.0\n"
        "  starting with [hidden]\n"
        "  no SOA record\n"
    )


@pytest.mark.parametrize(
    ("state", "running", "words"),
    [
        (State.SUCCEEDED, "", "Running: yes, version 2"),
        (State.ABORTED, "", "Running: as before"),
        (State.CANCELLED, "", "Running: as before"),
        (State.ROLLED_BACK, "", "Running: yes, version 1"),
        (State.FAILED, "yes", "Running: yes, but not as asked for, or not verified"),
        (State.FAILED, "no", "Running: no\n"),
        (State.FAILED, "unknown", "Running: not known"),
    ],
)
def test_every_letter_says_whether_it_runs(house: House, state: State, running: str, words: str) -> None:
    operation = ended(house, Kind.UPGRADE, state, running)
    assert words in text_of(operation)


@pytest.mark.parametrize("state", [State.ROLLED_BACK, State.FAILED])
def test_no_argument_of_a_unikernel_is_mailed(house: House, alice: User, state: State) -> None:
    ended(house, Kind.UPGRADE, state, "no" if state is State.FAILED else "")
    assert "Last console lines" in letter_to(alice).text
    assert "swordfish" not in letter_to(alice).text


def test_without_the_key_no_console_line_is_mailed(house: House, alice: User) -> None:
    Version.objects.update(sealed_arguments="sealed with another key")
    ended(house, Kind.RESTART, State.FAILED, "no")
    assert "swordfish" not in letter_to(alice).text
    assert "stand on that page" in letter_to(alice).text


def test_what_went_well_shows_no_console(house: House) -> None:
    operation = ended(house, Kind.UPGRADE, State.SUCCEEDED)
    assert "console" not in text_of(operation)


def test_a_letter_tells_how_long_one_press_goes_back(house: House) -> None:
    operation = ended(house, Kind.UPGRADE, State.SUCCEEDED)
    assert "To do:   nothing.\n" in text_of(operation)
    window(operation)
    assert "one press on its page goes back" in text_of(operation)


def test_one_that_may_exit_is_not_said_to_run(house: House) -> None:
    operation = ended(house, Kind.DEPLOY, State.SUCCEEDED)
    assert operation.target is not None
    operation.target.configuration = operation.target.configuration | {"may_exit": True}
    assert "Running: version 2 was started; it may exit" in text_of(operation)


def test_what_the_system_does_by_itself_says_why(house: House, alice: User) -> None:
    ended(house, Kind.ROLLBACK, State.SUCCEEDED, cause="2 of the last 10 results failed.")
    letter = letter_to(alice)
    assert letter.topic == "rolled-back"
    assert letter.subject.endswith("rollback succeeded")
    assert "by Mollymawk: 2 of the last 10 results failed." in letter.text


@pytest.mark.usefixtures("charlie", "root")
def test_members_get_letters_as_they_chose_and_nobody_else(
    house: House, alice: User, bob: User, dave: User
) -> None:
    choice_set(user=bob, topic="failed", wanted=False)
    user_deactivate(actor=SYSTEM, user=dave)
    ended(house, Kind.UPGRADE, State.FAILED, "no")
    assert [letter.user for letter in Letter.objects.all()] == [alice]


def test_successes_are_told_to_those_who_asked_for_them(house: House, alice: User, bob: User) -> None:
    choice_set(user=bob, topic="succeeded", wanted=True)
    ended(house, Kind.UPGRADE, State.SUCCEEDED)
    assert [letter.user for letter in Letter.objects.all()] == [bob]


def test_what_belongs_to_no_team_is_nobodys_mail(house: House, alice: User) -> None:
    ended(house, Kind.DEPLOY, State.FAILED, "no", team=None)
    assert not Letter.objects.exists()


def test_a_long_console_is_cut(house: House) -> None:
    operation = ended(house, Kind.UPGRADE, State.FAILED, "no")
    Operation.objects.filter(pk=operation.pk).update(memo=operation.memo | {"console": ["x" * 5_000] * 20})
    operation.refresh_from_db()
    assert len(text_of(operation)) < 6_000


def test_secrets_are_hidden_whole_and_by_value() -> None:
    secrets = secrets_in(["--key=abcdefgh", "plain-secret", "-v", "--on=yes"])
    assert without("key abcdefgh, --key=abcdefgh; plain-secret -v yes", secrets) == (
        f"key {HIDDEN}, {HIDDEN}; {HIDDEN} -v yes"
    )


# --- checks ------------------------------------------------------------------------------------------


@pytest.fixture
def check(house: House) -> Check:
    return Check.objects.create(
        unikernel=house.unikernel,
        name="web",
        kind="http",
        settings={"url": "http://10.0.0.2/?key=swordfish"},
        state=Check.State.DOWN,
        state_since=timezone.now() - timedelta(minutes=1),
    )


@pytest.mark.parametrize(
    ("was", "now", "news"),
    [
        ("up", "down", True),
        ("down", "up", True),
        ("unknown", "down", True),
        ("unknown", "up", False),
        ("up", "up", False),
        ("up", "unknown", False),
    ],
)
def test_what_is_news_of_a_check(check: Check, was: str, now: str, news: bool) -> None:
    check.state = now
    assert is_news(check, was=was) is news


@pytest.mark.parametrize(
    ("known", "now", "news"), [("down", "up", True), ("down", "down", False), ("up", "down", True)]
)
def test_what_was_told_before_nothing_was_known_counts(
    check: Check, known: str, now: str, news: bool
) -> None:
    for state in (known, "unknown"):
        record(
            actor=SYSTEM,
            kind=f"check.{state}",
            subject=f"unikernel:{check.unikernel_id}",
            now=state,
            data={"check": check.pk},
        )
    check.state, check.state_since = now, timezone.now()
    assert is_news(check, was="unknown") is news


# --- links -------------------------------------------------------------------------------------------


def test_every_link_in_a_letter_leads_to_a_real_page(house: House, alice: User, client_of: ClientOf) -> None:
    choice_set(user=alice, topic="succeeded", wanted=True)
    for state in (State.SUCCEEDED, State.ABORTED, State.ROLLED_BACK):
        ended(house, Kind.UPGRADE, state)
    sweep()
    links = {link for message in mail.outbox for link in LINK.findall(str(message.body))}
    assert len(links) >= 6
    member, nobody = client_of(alice), Client()
    for link in links:
        assert link.startswith(f"{django_settings.SITE_URL}/")
        path = link.removeprefix(django_settings.SITE_URL)
        assert member.get(path).status_code == 200, link
        assert nobody.get(path).status_code == (200 if "/stop/" in link else 302), link
