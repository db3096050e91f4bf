"""System checks: a setting that cannot work stops the start and says what to write instead.

``manage.py check`` runs the first kind; ``manage.py check --deploy`` also asks the broker and looks at
what only a public installation needs.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Advice

from mollymawk.apps import FOLDERS
from mollymawk.health import broker_answers

MIN_SECRET = 32  # characters: below that, signatures of sessions could be guessed


@register(Tags.security)
def check_keys(**_: Any) -> list[CheckMessage]:
    """Every key of the ring opens and seals; the secret key is not too short."""
    found: list[CheckMessage] = []
    for number, key in enumerate(settings.ENCRYPTION_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            text = f"ENCRYPTION_KEYS: key {number} is not 32 bytes in URL-safe base64."
            found.append(Error(text, hint="Make one with: manage.py generate_key", id="mollymawk.E001"))
    if len(settings.SECRET_KEY) < MIN_SECRET:
        text = f"SECRET_KEY has fewer than {MIN_SECRET} characters."
        found.append(Error(text, hint="Make one with: openssl rand -base64 48", id="mollymawk.E002"))
    return found


@register(Tags.compatibility)
def check_folders(**_: Any) -> list[CheckMessage]:
    """What uploads and images need is there and can be written."""
    return [
        Error(f"{name}: {folder} is no folder that we may write to.", id="mollymawk.E003")
        for name in FOLDERS
        if not os.access(folder := Path(getattr(settings, name)), os.W_OK | os.X_OK)
    ]


@register(Tags.urls)
def check_site_url(**_: Any) -> list[CheckMessage]:
    """SITE_URL is where people come in, and a host that is answered."""
    parts = urlsplit(settings.SITE_URL)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path:
        text = f"SITE_URL is {settings.SITE_URL!r}; write scheme and host, as https://mollymawk.example.org"
        return [Error(text, id="mollymawk.E004")]
    known = {host.strip("[]").lstrip(".") for host in settings.ALLOWED_HOSTS}
    if "*" not in known and not any(
        parts.hostname == host or parts.hostname.endswith(f".{host}") for host in known
    ):
        text = f"ALLOWED_HOSTS does not contain {parts.hostname}, the host of SITE_URL: every request would fail."
        return [Error(text, id="mollymawk.E005")]
    return []


@register(Tags.security, deploy=True)
def check_transport(**_: Any) -> list[CheckMessage]:
    """A public installation speaks TLS and is not for developers."""
    found: list[CheckMessage] = []
    if not settings.SECURE_TRANSPORT:
        text = "SITE_URL is not https: passwords and tokens travel in the clear."
        found.append(Advice(text, id="mollymawk.W001"))
    if settings.EXAMPLE_IMAGES or settings.CHECK_SIMULATED_NETWORK:
        text = "EXAMPLE_IMAGES and CHECK_SIMULATED_NETWORK are for trying things out only."
        found.append(Advice(text, id="mollymawk.W002"))
    if not settings.EMAIL_HOST:
        text = "EMAIL_HOST is not set: mail, links to reset passwords too, is written to standard output."
        found.append(Advice(text, id="mollymawk.W003"))
    return found


@register(Tags.database, deploy=True)
def check_broker(**_: Any) -> list[CheckMessage]:
    """The broker can be reached."""
    if broker_answers():
        return []
    where = urlsplit(settings.REDIS_URL)
    place = where.hostname or where.path  # without the password that may stand in the URL
    return [Error(f"REDIS_URL: no answer from {place}.", id="mollymawk.E006")]
