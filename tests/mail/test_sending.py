"""Letters arrive: through refusals, servers that are away, and senders that die."""

from __future__ import annotations

import socket
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.cache import cache
from django.core.mail.message import EmailMessage
from django.db import transaction

from accounts.actors import SYSTEM
from accounts.mail import tasks
from accounts.mail.message import message_of
from accounts.mail.services import KEPT_DAYS, letter_write, letters_prune
from accounts.mail.tasks import CLAIM, pause_after, sweep
from accounts.models import Letter, User
from accounts.services import user_deactivate
from tests.mail.conftest import grow_old, let_pass
from tests.mail.office import PostOffice, no_password_is_right, text_of

pytestmark = pytest.mark.django_db

LONG_AGO = {"hours": 25}


def write(*users: User, subject: str = "hello failed", text: str = "It does not run.\n") -> list[Letter]:
    before = set(Letter.objects.values_list("pk", flat=True))
    letter_write(users=users, topic="failed", subject=subject, text=text)
    return list(Letter.objects.exclude(pk__in=before).order_by("pk"))


def fate(letter: Letter) -> str:
    letter.refresh_from_db()
    return "sent" if letter.sent_at else "given up" if letter.given_up_at else "waits"


# --- what goes out -----------------------------------------------------------------------------------


def test_a_letter_arrives_once(office: PostOffice, alice: User) -> None:
    (letter,) = write(alice)
    assert sweep() == 1
    assert sweep() == 0
    assert office.told == ["alice@example.org"]
    assert fate(letter) == "sent"


def test_what_arrives_is_plain_text_with_the_way_out(office: PostOffice, alice: User) -> None:
    write(alice, subject="hello “failed”", text="It does not run — ünïcode.\n")
    sweep()
    message = office.last
    assert message["Subject"] == "Mollymawk: hello “failed”"
    assert message["From"] == "mollymawk@localhost"
    assert message.get_content_type() == "text/plain"
    assert text_of(message).startswith("It does not run — ünïcode.\n\n-- \n")
    stop = message["List-Unsubscribe"].strip(" <>")
    assert stop.startswith("http://127.0.0.1:8000/mail/stop/")
    assert stop in text_of(message)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"


def test_many_letters_go_over_one_connection(office: PostOffice, alice: User, bob: User, dave: User) -> None:
    write(alice, bob, dave)
    write(alice, bob, dave)
    assert sweep() == 6
    assert office.handler.greeted == 1


def test_what_is_rolled_back_was_never_written(office: PostOffice, alice: User) -> None:
    with transaction.atomic():
        write(alice)
        transaction.set_rollback(True)  # the operation did not end, after all
    assert sweep() == 0


def test_a_subject_is_one_line_and_secrets_stay_here(office: PostOffice, alice: User) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"
    write(alice, subject="hello\r\nBcc: eve@example.org", text=f"It said {key}\0.")
    sweep()
    assert office.last["Subject"] == "Mollymawk: hello Bcc: eve@example.org"
    assert office.told == ["alice@example.org"]
    assert text_of(office.last).startswith("It said [hidden]\ufffd.")


def test_whoever_was_shut_out_or_changed_their_mind_gets_nothing(
    office: PostOffice, alice: User, bob: User, dave: User
) -> None:
    write(alice, bob, dave)
    user_deactivate(actor=SYSTEM, user=bob)
    dave.mail_choices.create(topic="failed", wanted=False)
    assert sweep() == 1
    assert office.told == ["alice@example.org"]
    let_pass(hours=1)
    assert sweep() == 0


# --- refusals ----------------------------------------------------------------------------------------


def test_one_recipient_that_is_refused_stops_no_other(
    office: PostOffice, alice: User, bob: User, dave: User
) -> None:
    office.handler.refused["bob@example.org"] = "550 no such user"
    _, to_bob, _ = write(alice, bob, dave)
    assert sweep() == 2
    assert sorted(office.told) == ["alice@example.org", "dave@example.org"]
    assert office.handler.greeted == 1
    assert fate(to_bob) == "given up"
    assert to_bob.trouble_text == "550 no such user"


def test_a_recipient_that_is_refused_for_now_is_tried_again(office: PostOffice, alice: User) -> None:
    office.handler.refused["alice@example.org"] = "451 greylisted"
    (letter,) = write(alice)
    assert sweep() == 0
    assert fate(letter) == "waits"
    assert sweep() == 0, "not before its time"
    office.handler.refused.clear()
    let_pass(seconds=31)
    assert sweep() == 1
    assert fate(letter) == "sent"
    assert letter.trouble_text == ""


@pytest.mark.parametrize("answer", ["452 full", "554 looks like spam"])
def test_a_text_that_is_refused_is_tried_again_and_the_next_goes_out(
    office: PostOffice, alice: User, bob: User, answer: str
) -> None:
    office.handler.data_answers = [answer]
    to_alice, _ = write(alice, bob)
    assert sweep() == 1
    assert office.told == ["bob@example.org"]
    assert fate(to_alice) == "waits"
    assert to_alice.trouble_text == answer
    let_pass(minutes=1)
    sweep()
    assert office.told == ["bob@example.org", "alice@example.org"]


def test_a_sender_that_is_refused_tries_for_a_day(office: PostOffice, alice: User) -> None:
    office.handler.sender_answer = "550 who are you"
    (letter,) = write(alice)
    sweep()
    assert fate(letter) == "waits"
    grow_old(**LONG_AGO)
    sweep()
    assert fate(letter) == "given up"
    assert letter.trouble_text == "550 who are you"
    grow_old(**LONG_AGO)
    office.handler.sender_answer = "250 fine"
    assert sweep() == 0


def test_a_letter_at_which_the_server_hangs_up_holds_up_no_other(
    office: PostOffice, alice: User, bob: User, dave: User
) -> None:
    office.handler.hang_up = {"alice@example.org"}
    to_alice, *_ = write(alice, bob, dave)
    assert sweep() == 2
    assert sorted(office.told) == ["bob@example.org", "dave@example.org"]
    assert fate(to_alice) == "waits"


def test_an_address_that_no_mail_can_carry_holds_up_no_other(
    office: PostOffice, alice: User, bob: User
) -> None:
    User.objects.filter(pk=alice.pk).update(email="alice\n@example.org")
    to_alice, _ = write(alice, bob)
    assert sweep() == 1
    assert fate(to_alice) == "waits"


# --- servers that are away ---------------------------------------------------------------------------


def test_letters_wait_for_a_server_that_is_away(mailed: None, alice: User, settings: Any) -> None:
    letters = write(alice) + write(alice)
    assert sweep() == 0
    assert [fate(letter) for letter in letters] == ["waits", "waits"]
    assert "refused" in letters[0].trouble_text
    office = PostOffice()
    office.start()
    settings.EMAIL_PORT = office.port
    assert sweep() == 0, "not before its time"
    let_pass(seconds=31)
    assert sweep() == 2
    office.stop()


def test_a_server_that_is_away_for_a_day_is_given_up(mailed: None, alice: User) -> None:
    (letter,) = write(alice)
    grow_old(**LONG_AGO)
    (young,) = write(alice)
    sweep()
    assert fate(letter) == "given up"
    assert fate(young) == "waits"


def test_a_server_that_never_answers_is_left(mailed: None, alice: User, settings: Any) -> None:
    settings.EMAIL_TIMEOUT = 0.1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_PORT = silent.getsockname()[1]
        (letter,) = write(alice)
        assert sweep() == 0
    assert fate(letter) == "waits"
    assert "timed out" in letter.trouble_text


def test_a_server_that_takes_no_password_is_asked_again_later(
    mailed: None, alice: User, settings: Any
) -> None:
    office = PostOffice(authenticator=no_password_is_right, auth_require_tls=False)
    office.start()
    settings.EMAIL_PORT, settings.EMAIL_HOST_USER = office.port, "mollymawk"
    settings.EMAIL_HOST_PASSWORD = "swordfish"
    (letter,) = write(alice)
    assert sweep() == 0
    office.stop()
    assert fate(letter) == "waits"
    assert "535" in letter.trouble_text
    assert "swordfish" not in letter.trouble_text


def test_without_a_server_letters_are_written_to_the_log(
    alice: User, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    (letter,) = write(alice)
    assert sweep() == 1
    assert fate(letter) == "sent"
    assert "Subject: Mollymawk: hello failed" in capsys.readouterr().out


def test_pauses_grow_to_an_hour_and_no_further() -> None:
    pauses = [pause_after(tries) for tries in range(1, 40)]
    assert pauses[0] == timedelta(seconds=30)
    assert all(earlier <= later for earlier, later in pairwise(pauses))
    assert pauses[-1] == timedelta(hours=1)


# --- two senders, and one that dies ------------------------------------------------------------------


class Killed(BaseException):
    """As a worker that is gone in the middle."""


def test_a_worker_that_dies_between_sending_and_writing_sends_again_with_the_same_id(
    office: PostOffice, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    (letter,) = write(alice)

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(tasks, "_write", die)
        with pytest.raises(Killed):
            sweep()
    assert fate(letter) == "waits"
    assert sweep() == 0, "it may still be at it"
    let_pass(seconds=CLAIM.total_seconds() + 1)
    assert sweep() == 1
    first, second = (message for _, message in office.handler.letters)
    assert first["Message-ID"] == second["Message-ID"]
    assert fate(letter) == "sent"


def test_two_senders_at_once_do_not_send_the_same_letter(
    office: PostOffice, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even without the courtesy of one sender at a time: the other begins while the first one sends."""
    write(alice, bob)
    sends = iter([tasks.send_due])

    def write_message(letter: Letter) -> EmailMessage:
        for send in sends:
            send()
        return message_of(letter)

    monkeypatch.setattr(tasks, "message_of", write_message)
    tasks.send_due()
    assert sorted(office.told) == ["alice@example.org", "bob@example.org"]


def test_while_one_sends_no_other_begins(office: PostOffice, alice: User) -> None:
    write(alice)
    cache.add("accounts.mail.sender", 1, 60)
    assert sweep() == 0
    cache.delete("accounts.mail.sender")
    assert sweep() == 1


def test_a_sender_that_lost_its_claim_writes_nothing(office: PostOffice, alice: User) -> None:
    (letter,) = write(alice)
    Letter.objects.filter(pk=letter.pk).update(tries=5)
    assert not tasks._claim(letter)
    tasks._failed(letter, OSError("late"))
    letter.refresh_from_db()
    assert (letter.tries, letter.trouble_text) == (5, "")


def test_old_letters_are_deleted_and_those_on_their_way_are_not(office: PostOffice, alice: User) -> None:
    sent, *_ = write(alice)
    sweep()
    waiting, *_ = write(alice)
    Letter.objects.filter(pk=waiting.pk).update(tries=1)
    grow_old(days=KEPT_DAYS + 1)
    young, *_ = write(alice)
    Letter.objects.filter(pk=young.pk).update(sent_at=young.created_at)
    assert letters_prune() == 1
    assert set(Letter.objects.values_list("pk", flat=True)) == {waiting.pk, young.pk}
    assert not Letter.objects.filter(pk=sent.pk).exists()
