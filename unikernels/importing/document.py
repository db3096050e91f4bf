"""The JSON document that the OCaml Mollymawk keeps on its block device, as far as it is brought over (pure).

``{"version": 10, "users": [...], "configuration": [...], "email": {...} | null}``, version 9 or 10.
Nothing here is repeated in an error: the document holds tokens, private keys and password hashes.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mollymawk.errors import Invalid

VERSIONS = frozenset({9, 10})
# It never forgets a session, and keeps all of them in memory itself: some 250 bytes for each page view.
MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class OldToken:
    """A bearer token; *value* is its secret."""

    name: str
    value: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OldUser:
    """Somebody there; *name* is the domain of what they run. *records*: updates and scaling policies."""

    name: str
    email: str
    active: bool
    superuser: bool
    tokens: tuple[OldToken, ...]
    records: int


@dataclass(frozen=True, slots=True)
class OldInstance:
    """An Albatross server there. The certificate is a CA; the server's own was signed by it too."""

    name: str
    address: str
    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Document:
    """What can be brought over. *unread*: what is not described as it should be, in words."""

    users: tuple[OldUser, ...]
    instances: tuple[OldInstance, ...]
    mail: bool
    unread: tuple[str, ...]


def read(raw: bytes) -> Document:
    """The document in *raw*. Raises ``Invalid`` when it is none, or of a version that is not known."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Invalid(
            "This file is not JSON. Take the whole content of the block device, unpacked."
        ) from error
    version = data.get("version") if isinstance(data, Mapping) else None
    if version not in VERSIONS:
        known = " and ".join(map(str, sorted(VERSIONS)))
        raise Invalid(f"This is no data of the OCaml Mollymawk of version {known}.")
    unread: list[str] = []
    users = tuple(_each(data.get("users"), "user", _user, unread))
    instances = tuple(_each(data.get("configuration"), "instance", _instance, unread))
    return Document(users, instances, bool(data.get("email")), tuple(unread))


def _each(items: Any, what: str, reader: Any, unread: list[str]) -> list[Any]:
    found = []
    for number, item in enumerate(items if isinstance(items, list) else [], start=1):
        try:
            found.append(reader(item))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            unread.append(f"{what} {number} of the file cannot be read ({type(error).__name__})")
    return found


def _user(item: Mapping[str, Any]) -> OldUser:
    records = len(item.get("unikernel_updates") or ()) + len(item.get("scaling_policies") or ())
    return OldUser(
        name=_text(item["name"]).lower(),
        email=_text(item["email"]).lower(),
        active=bool(item.get("active")),
        superuser=bool(item.get("super_user")),
        tokens=tuple(_token(token) for token in item.get("tokens") or ()),
        records=records,
    )


def _token(item: Mapping[str, Any]) -> OldToken:
    made = datetime.fromisoformat(_text(item["created_at"]))
    seconds = int(item["expires_in"])
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    return OldToken(str(item.get("name") or "token"), _text(item["value"]), made + timedelta(seconds=seconds))


def _instance(item: Mapping[str, Any]) -> OldInstance:
    address = ipaddress.ip_address(_text(item["server_ip"]))
    host = f"[{address}]" if address.version == 6 else str(address)
    return OldInstance(
        name=_text(item["name"]).lower(),
        address=f"{host}:{int(item['server_port'])}",
        certificate=_text(item["certificate"]),
        key=_text(item["private_key"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError("no text")
    return value.strip()
