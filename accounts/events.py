"""Writing down what happened. Called inside the transaction that makes it happen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Model

from accounts.actors import Actor
from accounts.models import Event, Team
from accounts.tokens import TOKEN
from albatross.models import Instance

MAX_REASON = 4_000  # characters; the longest text of an instance we show is shorter
MAX_WORD = 60  # the columns kind, was, now
MAX_DEPTH = 6  # of data; ours is flat, or a list in a dictionary
HIDDEN = "[hidden]"

# What a caller hands over by mistake must not stay for ever in a table that is never changed.
_SECRET_TEXT = re.compile(
    rf"{TOKEN.pattern}|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.ASCII | re.DOTALL,
)
_SECRET_NAME = re.compile(
    r"password|passwd|secret|private|sealed|arguments|argv|authorization|cookie|pepper", re.IGNORECASE
)


def record(
    *,
    actor: Actor,
    kind: str,
    subject: str,
    team: Team | None = None,
    instance: Instance | None = None,
    operation: int | None = None,
    was: str = "",
    now: str = "",
    reason: str = "",
    data: Mapping[str, Any] | None = None,
) -> Event:
    """Append one event: *actor* did *kind* (``team.created``) to *subject* (``team:3``).

    *was* and *now* are one word each, *reason* a text for people, *data* what programs may want.
    Tokens and private keys are taken out of the texts, and so are values under names that announce
    a secret; NUL, which PostgreSQL cannot keep, becomes U+FFFD. Too long texts are cut.
    """
    return Event.objects.create(
        actor=actor.user,
        credential=actor.credential,
        address=actor.address,
        team=team,
        instance=instance,
        who=actor.user.email if actor.user else "",
        team_name=team.name if team else "",
        parties=_parties(user=actor.user, team=team, instance=instance),
        subject=subject,
        operation=operation,
        kind=kind,
        was=harmless(was)[:MAX_WORD],
        now=harmless(now)[:MAX_WORD],
        reason=harmless(reason)[:MAX_REASON],
        data=clean(data or {}),
    )


def _parties(**rows: Model | None) -> str:
    """The numbers of *rows*, which stay when the rows are gone: ``user:3 team:5``."""
    return " ".join(f"{name}:{row.pk}" for name, row in rows.items() if row is not None)


def harmless(text: str) -> str:
    """*text* without tokens and private keys, and without NUL, which PostgreSQL cannot keep."""
    return _SECRET_TEXT.sub(HIDDEN, str(text)).replace("\0", "\ufffd")


def clean(data: Mapping[str, Any]) -> dict[str, Any]:
    """*data* without tokens and private keys, and without values under names that announce a secret."""
    cleaned: dict[str, Any] = _clean(dict(data), MAX_DEPTH)
    return cleaned


def _clean(value: Any, depth: int) -> Any:
    if depth == 0:
        return HIDDEN
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, Mapping):
        return {
            str(name): HIDDEN if _SECRET_NAME.search(str(name)) else _clean(inner, depth - 1)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner, depth - 1) for inner in value]
    return value
