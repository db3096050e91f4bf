"""Settings that stop the start when they are wrong."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from accounts import tokens

MIN_PEPPER = 32  # characters; a shorter one could be guessed by whoever holds a copy of the database


def check_peppers(**_: Any) -> list[checks.CheckMessage]:
    """``TOKEN_PEPPERS`` can be read, and is long enough."""
    try:
        peppers = tokens.peppers()
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="accounts.E001")]
    short = [number for number, secret in peppers.items() if len(secret) < MIN_PEPPER]
    return [
        checks.Warning(
            f"TOKEN_PEPPERS: the secret {number} has fewer than {MIN_PEPPER} characters.", id="accounts.W001"
        )
        for number in short
    ]


def check_registration(**_: Any) -> list[checks.CheckMessage]:
    """Links by mail can arrive, and not everybody walks in under any address."""
    found: list[checks.CheckMessage] = []
    if settings.EMAIL_VERIFICATION and not settings.EMAIL_HOST:
        text = "EMAIL_VERIFICATION is on without EMAIL_HOST: the links stand in the server's output only."
        found.append(checks.Warning(text, id="accounts.W002"))
    if settings.REGISTRATION == "open" and not (
        settings.REGISTRATION_APPROVAL or settings.EMAIL_VERIFICATION
    ):
        text = "REGISTRATION is open, nobody looks at who registers, and addresses are not confirmed."
        hint = "Set REGISTRATION=invite, or REGISTRATION_APPROVAL or EMAIL_VERIFICATION to true."
        found.append(checks.Warning(text, hint=hint, id="accounts.W003"))
    return found
