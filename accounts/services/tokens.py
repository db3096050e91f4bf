"""API tokens: made, found, described, revoked."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import tokens
from accounts.actors import Actor, require, require_fresh
from accounts.events import record
from accounts.models import ApiToken, Role, Team
from accounts.scopes import all_of
from accounts.services.rights import comes_from, rights_of
from mollymawk.errors import Forbidden, Invalid, Refused

DEFAULT_DAYS = 90
MAX_DAYS = 366  # a year and a day: a yearly reminder to make a new one comes in time
MAX_NAME = 100
MAX_TOKENS = 50  # usable ones of one team: its page lists all of them
USE_WRITTEN_EVERY = timedelta(minutes=1)  # spares the database a write for each request
ENDED_SHOWN_FOR = timedelta(days=30)

log = logging.getLogger(__name__)


def token_issue(
    *,
    actor: Actor,
    team: Team,
    name: str,
    role: Role | None = None,
    scopes: Collection[str] | None = None,
    unikernels: Collection[str] | None = None,
    networks: Collection[str] = (),
    days: int | None = DEFAULT_DAYS,
) -> tuple[ApiToken, str]:
    """A token for *team*, and its text, which is nowhere kept.

    It may do what its *scopes* say (all that *role* suffices for, unless they are given), with the
    *unikernels* of those names (None: with all of the team), from *networks* (none: from anywhere), for
    *days* (None: for ever, if the settings allow that). Owners may, with a session: a token makes no
    tokens, and the operator's command acts for a person.
    Raises ``Invalid`` for what was given wrongly, ``Refused`` when there are too many.
    """
    if actor.user is None or actor.token is not None:
        raise Forbidden("Tokens are made by people, not by programs.")
    require(actor, team, Role.OWNER)
    require_fresh(actor)
    name = _check_name(name)
    _check_days(days)
    rights = rights_of(role=role, scopes=scopes, unikernels=unikernels, networks=networks)
    if usable(team).count() >= MAX_TOKENS:
        raise Refused(f"A team has at most {MAX_TOKENS} usable tokens; revoke one first.")
    key_id, text = tokens.make()
    with transaction.atomic():
        token = ApiToken.objects.create(
            team=team,
            name=name,
            created_by=actor.user,
            expires_at=None if days is None else timezone.now() + timedelta(days=days),
            **hashed(key_id, text),
            **rights.columns(),
        )
        data = {"name": name, "days": days} | rights.told()
        record(actor=actor, kind="token.issued", subject=f"token:{key_id}", team=team, data=data)
    return token, text


def hashed(key_id: str, text: str) -> dict[str, Any]:
    """What is kept of the token *text*, as columns."""
    number, pepper = next(iter(tokens.peppers().items()))
    return {"key_id": key_id, "pepper": number, "secret_hash": tokens.digest(text, pepper)}


def token_revoke(*, actor: Actor, token: ApiToken) -> ApiToken:
    """End *token* now; owners of its team may, with a session. Again is harmless."""
    if actor.token is not None:
        raise Forbidden("Tokens are revoked by people, not by programs.")
    require(actor, token.team, Role.OWNER)
    with transaction.atomic():
        now = timezone.now()
        if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
            token.revoked_at = now
            record(
                actor=actor,
                kind="token.revoked",
                subject=f"token:{token.key_id}",
                team=token.team,
                data={"name": token.name},
            )
    return token


def token_find(text: str) -> ApiToken | None:
    """The usable token with this text, with team and maker; None for anything else.

    A wrong format or checksum is refused without asking the database. An unknown key id costs as much
    time as a wrong secret. A token whose maker may not log in is dead.
    """
    key_id = tokens.key_id_of(text)
    if key_id is None:
        return None
    token = ApiToken.objects.select_related("team", "created_by").filter(key_id=key_id).first()
    peppers = tokens.peppers()
    pepper = peppers.get(token.pepper) if token else None
    given = tokens.digest(text, pepper or next(iter(peppers.values())))
    right = tokens.same(given, token.secret_hash if token and pepper else "0" * 64)
    if token is None or not right or not token.usable or not token.created_by.is_active:
        return None
    return token


def token_admit(text: str, address: str | None) -> ApiToken | None:
    """The usable token with this text, as used just now from *address*; None for anything else.

    Raises ``Forbidden`` when it may not be used from there.
    """
    token = token_find(text)
    if token is None:
        return None
    if not comes_from(token.networks, address):
        log.warning("token mm_%s_… was refused: it came from %s", token.key_id, address)
        raise Forbidden(f"This token may not be used from {address or 'there'}.")
    token_used(token)
    return token


def token_used(token: ApiToken) -> None:
    """Write down that *token* was used just now, at most once a minute."""
    now = timezone.now()
    if token.last_used_at is not None and now - token.last_used_at < USE_WRITTEN_EVERY:
        return
    old = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_WRITTEN_EVERY)
    if ApiToken.objects.filter(old, pk=token.pk).update(last_used_at=now):
        token.last_used_at = now


def describe(token: ApiToken) -> dict[str, Any]:
    """What a program may know of its own token. ``role`` and ``scopes`` are what it may do now: none if
    its maker left the team, less than was given if the maker's role became smaller.
    """
    actor = Actor(token.created_by, f"token mm_{token.key_id}", token=token)
    role = actor.role_in(token.team)
    return {
        "id": token.key_id,
        "name": token.name,
        "team": token.team.name,
        "role": role.value if role else None,
        "scopes": _working(token, role),
        "unikernels": token.unikernels,
        "networks": token.networks,
        "expires_at": token.expires_at,
        "last_used_at": token.last_used_at,
    }


def _working(token: ApiToken, role: Role | None) -> list[str]:
    """The scopes that *role*, as it is now, suffices for."""
    enough = all_of(role) if role else []
    return [scope for scope in token.scopes if scope in enough]


def usable(team: Team) -> QuerySet[ApiToken]:
    """The tokens that people made for *team* and that are neither revoked nor expired."""
    ends = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return team.tokens.filter(ends, revoked_at=None, short=False)


def token_list(team: Team) -> QuerySet[ApiToken]:
    """The tokens that people made for *team*, newest first; those that ended some time ago are left out."""
    recent = timezone.now() - ENDED_SHOWN_FOR
    ended = Q(revoked_at__lt=recent) | Q(expires_at__lt=recent)
    return team.tokens.filter(short=False).exclude(ended).select_related("created_by")


def _check_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        text = f"Give it a name of 1 to {MAX_NAME} characters."
        raise Invalid(text, fields={"name": [text]})
    return name


def _check_days(days: int | None) -> None:
    if days is None and settings.TOKENS_WITHOUT_EXPIRY:
        return
    if days is None or not 1 <= days <= MAX_DAYS:
        text = f"A token lasts 1 to {MAX_DAYS} days."
        raise Invalid(text, fields={"days": [text]})
