"""A letter as a mail: plain text, with the way to stop more of its kind."""

from __future__ import annotations

from email.utils import format_datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from accounts.mail.services import unsubscribe_token
from accounts.mail.topics import ABOUT, Topic
from accounts.models import Letter, User
from mollymawk.keyring import unseal

_FOOT_OF_ADDRESS = "Sent once, because somebody gave this address to a Mollymawk server.\n"


def message_of(letter: Letter) -> EmailMessage:
    """*letter* as it goes out. Its Message-ID is the same at each try."""
    way_out, foot = ({}, _FOOT_OF_ADDRESS) if letter.user is None else _way_out(letter.user, letter.topic)
    text = unseal(letter.sealed_text) if letter.sealed_text else letter.text
    return EmailMessage(
        subject=f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{letter.subject}",
        body=f"{text}\n-- \n{foot}",
        to=[letter.to],
        headers={
            "Date": format_datetime(letter.created_at),
            "Message-ID": f"<letter.{letter.pk}.{letter.created_at:%Y%m%d%H%M%S%f}@{_host()}>",
            **way_out,
            "Auto-Submitted": "auto-generated",  # RFC 3834: no answer by a machine, please
        },
    )


def stop_link(user: User, topic: str) -> str:
    """Where letters of this topic to this person are stopped, without a login."""
    return f"{settings.SITE_URL}{reverse('unsubscribe', args=[unsubscribe_token(user, topic)])}"


def _way_out(user: User, topic: str) -> tuple[dict[str, str], str]:
    """The headers and the foot by which a person stops letters like this one."""
    stop = stop_link(user, topic)
    headers = {
        "List-Unsubscribe": f"<{stop}>",  # RFC 2369; with the next one a single press, RFC 8058
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return headers, _foot(topic, stop)


def _foot(topic: str, stop: str) -> str:
    title = ABOUT[Topic(topic)].title
    return f"No more mail about {title!r}: {stop}\nAll choices: {settings.SITE_URL}{reverse('mail')}\n"


def _host() -> str:
    return urlsplit(settings.SITE_URL).hostname or "localhost"
