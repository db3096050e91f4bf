"""Secrets and signatures, as Standard Webhooks has them (pure): whoever knows the secret can tell that a
message came from here, unchanged and lately.

The secret is ``whsec_`` and base64; what it decodes to is the key. Signed is ``id.timestamp.body`` by
HMAC-SHA256. While a new secret replaces an old one there are two signatures, with a space between.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from accounts.tokens import random_text

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE = 300  # seconds; an older timestamp is a replay, a younger one a clock that differs


def make_secret() -> str:
    """A fresh secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def make_message_id() -> str:
    """The name of a message that was never used before."""
    return f"msg_{random_text(24)}"


def signed_headers(message: str, timestamp: int, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The headers that prove *body* for every secret of *keys*; *timestamp* in seconds."""
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, message, timestamp, body) for key in keys),
    }


def signature(secret: str, message: str, timestamp: int, body: bytes) -> str:
    """``v1,`` and the HMAC in base64."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    mac = hmac.new(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}"
