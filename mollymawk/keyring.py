"""Sealing of secrets at rest with a rotatable ring of keys (``ENCRYPTION_KEYS``, newest first).

The newest key seals, every key opens; ``manage.py rotate_keys`` seals everything anew, after which
an old key can be taken out of the ring.
"""

from __future__ import annotations

import json
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from mollymawk.errors import ApplicationError


class SealBroken(ApplicationError):
    """A sealed value cannot be opened with any key of the ring."""

    status = 500
    code = "seal-broken"


@cache
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def ring() -> MultiFernet:
    """The ring of the present settings."""
    return _ring(tuple(settings.ENCRYPTION_KEYS))


def seal(text: str) -> str:
    """*text*, unreadable without a key of the ring."""
    return ring().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """What ``seal`` was given; ``SealBroken`` when no key fits."""
    try:
        return ring().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealBroken(
            "A stored secret cannot be opened: the key that sealed it is missing from ENCRYPTION_KEYS."
        ) from error


def reseal(sealed: str) -> str:
    """*sealed*, sealed with the newest key: itself if it is already. ``SealBroken`` when no key fits."""
    try:
        Fernet(settings.ENCRYPTION_KEYS[0]).decrypt(sealed.encode())
    except InvalidToken:
        return seal(unseal(sealed))
    return sealed


def seal_json(value: object) -> str:
    """Any JSON value, sealed."""
    return seal(json.dumps(value, separators=(",", ":")))


def unseal_json(sealed: str) -> object:
    """What ``seal_json`` was given."""
    return json.loads(unseal(sealed))
