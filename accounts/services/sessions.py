"""Sessions: where somebody is logged in, and ending them. allauth keeps the list."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts.actors import Actor
from accounts.events import record
from accounts.models import User
from mollymawk.errors import Forbidden

MAX_BROWSER = 200  # characters of what a browser says of itself, in an event


def session_list(*, actor: Actor, user: User) -> list[UserSession]:
    """The sessions of *user* that still let somebody in, the one last used first."""
    _may(actor, user)
    rows: list[UserSession] = UserSession.objects.purge_and_list(user)
    return sorted(rows, key=lambda row: row.last_seen_at, reverse=True)


def session_end(*, actor: Actor, session: UserSession) -> None:
    """End *session*: its cookie lets nobody in any more."""
    _may(actor, session.user)
    with transaction.atomic():
        data = {"address": session.ip, "browser": session.user_agent[:MAX_BROWSER]}
        session.end()
        record(actor=actor, kind="user.session_ended", subject=subject(session.user), data=data)


def sessions_end(*, actor: Actor, user: User, keep: str | None = None) -> int:
    """End all sessions of *user* but the one with the key *keep*; how many there were."""
    _may(actor, user)
    with transaction.atomic():
        rows = list(UserSession.objects.filter(user=user).exclude(session_key=keep or ""))
        for row in rows:
            row.end()
        if rows:
            record(actor=actor, kind="user.sessions_ended", subject=subject(user), data={"count": len(rows)})
    return len(rows)


def subject(user: User) -> str:
    """How events name a person."""
    return f"user:{user.pk}"


def _may(actor: Actor, user: User) -> None:
    if actor.token or not (actor.all_powerful or actor.user == user):
        raise Forbidden("Sessions are their person's, and superusers'.")
