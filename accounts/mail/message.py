"""A letter as a mail: plain text, with the way to stop more of its kind."""

from __future__ import annotations

from email.utils import format_datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from accounts.mail.services import unsubscribe_token
from accounts.mail.topics import ABOUT, Topic
from accounts.models import Letter


def message_of(letter: Letter) -> EmailMessage:
    """*letter* as it goes out. Its Message-ID is the same at each try."""
    stop = stop_link(letter)
    return EmailMessage(
        subject=f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{letter.subject}",
        body=f"{letter.text}\n-- \n{_foot(letter, stop)}",
        to=[letter.user.email],
        headers={
            "Date": format_datetime(letter.created_at),
            "Message-ID": f"<letter.{letter.pk}.{letter.created_at:%Y%m%d%H%M%S%f}@{_host()}>",
            "List-Unsubscribe": f"<{stop}>",  # RFC 2369; with the next one a single press, RFC 8058
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",  # RFC 3834: no answer by a machine, please
        },
    )


def stop_link(letter: Letter) -> str:
    """Where letters of this topic to this person are stopped, without a login."""
    token = unsubscribe_token(letter.user, letter.topic)
    return f"{settings.SITE_URL}{reverse('unsubscribe', args=[token])}"


def _foot(letter: Letter, stop: str) -> str:
    title = ABOUT[Topic(letter.topic)].title
    return f"No more mail about {title!r}: {stop}\nAll choices: {settings.SITE_URL}{reverse('mail')}\n"


def _host() -> str:
    return urlsplit(settings.SITE_URL).hostname or "localhost"
