"""Settings that stop the start when they are wrong."""

from __future__ import annotations

from typing import Any

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
