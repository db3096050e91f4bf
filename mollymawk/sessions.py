"""What sessions hold, sealed: the seed of a second factor that is being set up stands there, and the key
of a link from a mail.
"""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends.db import SessionStore
from django.core import signing

from mollymawk.keyring import reseal, seal_json, unseal_json


class SealedSerializer:
    """Between a session and its row. What no key opens any more is an empty session: log in again."""

    def dumps(self, value: Any) -> bytes:
        return seal_json(value).encode("ascii")

    def loads(self, data: bytes) -> Any:
        return unseal_json(data.decode("ascii"))


class _AsItIs:
    """Leaves what is sealed sealed."""

    def dumps(self, value: str) -> bytes:
        return value.encode("ascii")

    def loads(self, data: bytes) -> str:
        return data.decode("ascii")


def resealed(session_data: str) -> str:
    """What a row of a session holds, sealed with the newest key: itself if it is already.

    Raises ``BadSignature`` and ``SealBroken`` for a session that is over anyway.
    """
    salt = SessionStore().key_salt
    sealed = signing.loads(session_data, salt=salt, serializer=_AsItIs)
    fresh = reseal(sealed)
    if fresh == sealed:
        return session_data
    return signing.dumps(fresh, salt=salt, serializer=_AsItIs, compress=True)
