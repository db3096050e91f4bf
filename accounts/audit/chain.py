"""The chain of hashes over events. Pure: no database, no clock.

An event has a *digest*: SHA-256 of its facts as canonical JSON. Up to ``LINK_EVENTS`` events make one
link. Its *leaves* are, for each event in order of its number, the number (8 bytes) and the digest
(32 bytes); its hash is SHA-256 of the hash of the link before, of what the link says of itself, and of
the leaves. So a link tells whether it is as it was made, and its leaves tell which event is not.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64  # what stands before the first link
LINK_EVENTS = 1_000  # at most: what has to be read again to look at one event
LEAF = 8 + 32  # bytes

# What an event tells for ever. Its references to rows that may go (who, team, instance) are not in
# it; ``parties`` says in words to which they were made.
FACTS = (
    "id",
    "at",
    "who",
    "credential",
    "address",
    "parties",
    "team_name",
    "subject",
    "operation",
    "kind",
    "was",
    "now",
    "reason",
    "data",
)


def canonical(facts: Mapping[str, Any]) -> bytes:
    """The same bytes for the same event, whichever database told *facts* (see ``FACTS``)."""
    plain = {name: _plain(facts[name]) for name in FACTS}
    plain["address"] = str(ipaddress.ip_address(plain["address"])) if plain["address"] else None
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(facts: Mapping[str, Any]) -> bytes:
    """The 32 bytes that stand for an event."""
    return hashlib.sha256(canonical(facts)).digest()


def pack(digests: Sequence[tuple[int, bytes]]) -> bytes:
    """Leaves of (number, digest) pairs."""
    return b"".join(number.to_bytes(8, "big") + value for number, value in digests)


def unpack(leaves: bytes) -> dict[int, bytes]:
    """The digest of each event, by its number. Raises ``ValueError`` for bytes that are no leaves."""
    if len(leaves) % LEAF:
        raise ValueError("These are no leaves.")
    cut = range(0, len(leaves), LEAF)
    return {int.from_bytes(leaves[at : at + 8], "big"): leaves[at + 8 : at + LEAF] for at in cut}


def link_hash(*, previous: str, number: int, last: int, newest_at: datetime, leaves: bytes) -> str:
    """The hash of a link, 64 hexadecimal digits."""
    head = f"{previous} {number} {last} {_time(newest_at)} {len(leaves) // LEAF}\n"
    return hashlib.sha256(head.encode() + leaves).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)  # PostgreSQL gives back 1e3 as 1000
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
