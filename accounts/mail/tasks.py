"""Sending letters: at least once, never twice on purpose, and one sender at a time.

The row is the truth. A letter is claimed by moving its ``due_at`` by a conditional UPDATE right before
it is sent, so a sender that dies leaves it to be sent again when the claim ends; its Message-ID stays
the same, and mail programs show it once. What fails is tried again, later each time, for a day.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused

from celery import shared_task
from django.core.cache import cache
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import QuerySet
from django.utils import timezone

from accounts.mail.message import message_of
from accounts.mail.services import letters_prune, wanted
from accounts.models import Letter

BATCH = 100  # letters a sweep; the rest follows with the next
BATCH_SECONDS = 60.0  # a slow server keeps one worker no longer; the rest follows
CLAIM = timedelta(minutes=10)  # a letter takes about ten answers of at most EMAIL_TIMEOUT (10 s) each
SENDER_SECONDS = 300  # how long a sender that died keeps others from sending
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
GIVE_UP = timedelta(hours=24)  # later the news is none
MAX_TROUBLE = 500  # characters of what a server answers
_SENDER = "accounts.mail.sender"

# The server is away, refuses, or speaks nonsense. ValueError: an address or text that no mail can carry.
Trouble = (OSError, SMTPException, ValueError)

log = logging.getLogger(__name__)


@shared_task(name="accounts.mail.tasks.sweep", expires=5)
def sweep() -> int:
    """Send what is due; how many letters went out."""
    if not _due(timezone.now()).exists():
        return 0
    with _only_sender() as alone:
        return send_due() if alone else 0


@shared_task(name="accounts.mail.tasks.prune", expires=600)
def prune() -> int:
    """Delete old letters."""
    return letters_prune()


def send_due() -> int:
    """Send what is due over one connection; how many letters went out."""
    end = time.monotonic() + BATCH_SECONDS
    connection, sent = get_connection(), 0
    try:
        for letter in _due(timezone.now()).select_related("user").order_by("due_at", "pk")[:BATCH]:
            if time.monotonic() > end or not _open(connection):
                break
            sent += _claim(letter) and _send(connection, letter)
    finally:
        _close(connection)
    return sent


@contextmanager
def _only_sender() -> Iterator[bool]:
    """Whether nobody else sends: a server that does not answer must not keep every worker waiting.

    A courtesy only: letters are kept from being sent twice by their claims.
    """
    alone = cache.add(_SENDER, 1, SENDER_SECONDS)
    try:
        yield alone
    finally:
        if alone:
            cache.delete(_SENDER)


def _due(now: datetime) -> QuerySet[Letter]:
    return Letter.objects.filter(due_at__lte=now, sent_at=None, given_up_at=None)


def _claim(letter: Letter) -> bool:
    """Whether *letter* is ours: nobody touched it since it was read."""
    mine = Letter.objects.filter(pk=letter.pk, tries=letter.tries, sent_at=None, given_up_at=None)
    letter.tries += 1
    return mine.update(tries=letter.tries, due_at=timezone.now() + CLAIM) == 1


def _open(connection: BaseEmailBackend) -> bool:
    """Whether there is a connection. If not, all that is due waits for the server."""
    try:
        connection.open()
    except Trouble as error:
        _server_away(error)
        return False
    return True


def _send(connection: BaseEmailBackend, letter: Letter) -> bool:
    """Whether *letter*, which is claimed, was taken by the server."""
    if letter.user and not (letter.user.is_active and wanted(letter.user, letter.topic)):
        letter.delete()  # chosen so since it was written
        return False
    try:
        connection.send_messages([message_of(letter)])
    except SMTPRecipientsRefused as error:
        _recipient_refused(letter, error)
        return False
    except Trouble as error:
        _failed(letter, error)
        _close(connection)  # what state it is in nobody knows: the next letter gets a fresh one
        return False
    _write(letter, sent_at=timezone.now(), trouble_text="", sealed_text="")
    return True


def _recipient_refused(letter: Letter, error: SMTPRecipientsRefused) -> None:
    """4xx: later, perhaps. 5xx: nobody has this address there, and asking again is bad manners."""
    code, answer = next(iter(error.recipients.values()))
    if code >= 500:
        _give_up(letter, f"{code} {answer.decode(errors='replace')}")
    else:
        _failed(letter, error)


def _failed(letter: Letter, error: Exception) -> None:
    now, trouble = timezone.now(), told(error)
    if now - letter.created_at >= GIVE_UP:
        _give_up(letter, trouble)
        return
    log.warning("letter %d was not sent, try %d: %s", letter.pk, letter.tries, trouble)
    _write(letter, due_at=now + pause_after(letter.tries), trouble_text=trouble)


def _give_up(letter: Letter, trouble: str) -> None:
    log.warning("letter %d is given up after %d tries: %s", letter.pk, letter.tries, trouble)
    _write(letter, given_up_at=timezone.now(), trouble_text=trouble[:MAX_TROUBLE], sealed_text="")


def _server_away(error: Exception) -> None:
    """All that is due takes note of a try; none of it was claimed."""
    now, trouble = timezone.now(), told(error)
    log.warning("no mail can be sent now: %s", trouble)
    due = _due(now)
    due.filter(created_at__lte=now - GIVE_UP).update(given_up_at=now, trouble_text=trouble, sealed_text="")
    for tries in sorted(set(due.values_list("tries", flat=True)), reverse=True):
        due.filter(tries=tries).update(
            tries=tries + 1, due_at=now + pause_after(tries + 1), trouble_text=trouble
        )


def pause_after(tries: int) -> timedelta:
    """How long a letter waits after so many failed tries: 30 s, doubled each time, at most an hour."""
    doublings = min(tries - 1, 12)  # beyond them it is an hour anyway
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def told(error: Exception) -> str:
    """What went wrong, for people: the server's own words if it had any."""
    answer = getattr(error, "smtp_error", b"")
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
    code = getattr(error, "smtp_code", "")
    return (f"{code} {text}".strip() or f"{type(error).__name__}: {error}").replace("\0", "\ufffd")[
        :MAX_TROUBLE
    ]


def _write(letter: Letter, **fields: object) -> None:
    """Write what became of *letter*, unless somebody else claimed it since."""
    Letter.objects.filter(pk=letter.pk, tries=letter.tries).update(**fields)


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except Trouble as error:
        log.info("the mail server did not take our leave: %s", told(error))
