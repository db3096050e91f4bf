"""What an API token looks like and how it is kept. Nothing here knows of the database.

``mm_<key id>_<secret><checksum>``: letters, digits and underscores only, so that a double click
takes all of it, and secret scanners can tell it by its beginning. The checksum (CRC32 of what stands
before it) lets us refuse a mistyped or cut one without asking the database; it adds no secrecy.
Kept is only an HMAC-SHA256 with a numbered pepper: 178 random bits need no slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from collections.abc import Sequence
from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
KEY_ID = 12
SECRET = 30  # characters of base62: 178 bits
CHECKSUM = 6  # 62**6 > 2**32
LENGTH = len("mm_") + KEY_ID + len("_") + SECRET + CHECKSUM

TOKEN = re.compile(rf"mm_([0-9A-Za-z]{{{KEY_ID}}})_[0-9A-Za-z]{{{SECRET + CHECKSUM}}}", re.ASCII)
FOREIGN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
FOREIGN_KEY_ID = 16  # characters
MAX_PEPPER = 32_767  # what the column of its number holds


def make() -> tuple[str, str]:
    """A fresh key id, and the text of the token."""
    key_id = random_text(KEY_ID)
    body = f"mm_{key_id}_{random_text(SECRET)}"
    return key_id, body + checksum(body)


def random_text(length: int) -> str:
    """*length* characters of base62 from the system's source of secrets."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def checksum(body: str) -> str:
    """CRC32 of *body* in base62, filled up with zeros to ``CHECKSUM`` characters."""
    number, digits = zlib.crc32(body.encode("ascii")), ""
    for _ in range(CHECKSUM):
        number, rest = divmod(number, len(ALPHABET))
        digits = ALPHABET[rest] + digits
    return digits


def key_id_of(text: str) -> str | None:
    """The key id of a well-formed token whose checksum is right, or None."""
    found = TOKEN.fullmatch(text) if len(text) == LENGTH else None
    if found is None:
        return foreign_key_id(text)
    return found[1] if checksum(text[:-CHECKSUM]) == text[-CHECKSUM:] else None


def foreign_key_id(text: str) -> str | None:
    """The key id of a token that was brought over from the OCaml Mollymawk, a UUID; else None.

    Those have no part that is no secret, so it is taken from a hash: 64 of its bits tell nothing of
    the 122 random ones. It is longer than ours, so that it is never one of ours.
    """
    if FOREIGN.fullmatch(text) is None:
        return None
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:FOREIGN_KEY_ID]


def digest(text: str, pepper: str) -> str:
    """What is kept of the secret *text*: HMAC-SHA256 in hex."""
    return hmac.new(pepper.encode(), text.encode(), hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two digests are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def peppers() -> dict[int, str]:
    """Number to secret, newest first, as the settings say (``TOKEN_PEPPERS``)."""
    return read_peppers(tuple(settings.TOKEN_PEPPERS))


@cache
def read_peppers(entries: Sequence[str]) -> dict[int, str]:
    """Entries ``number:secret`` as a dictionary; ``ImproperlyConfigured`` when one is none."""
    found: dict[int, str] = {}
    for entry in entries:
        number, _, secret = entry.partition(":")
        if not (number.isascii() and number.isdigit() and 0 < int(number) <= MAX_PEPPER and secret):
            raise ImproperlyConfigured("TOKEN_PEPPERS: write number:secret, the number from 1 to 32767.")
        if int(number) in found:
            raise ImproperlyConfigured(f"TOKEN_PEPPERS: the number {number} stands there twice.")
        found[int(number)] = secret
    if not found:
        raise ImproperlyConfigured("TOKEN_PEPPERS is empty.")
    return found
