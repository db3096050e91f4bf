"""Tokens that were made elsewhere: only their hash is kept, as of our own."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import tokens
from accounts.actors import Actor, require_superuser
from accounts.events import record
from accounts.models import ApiToken, Role, Team, User
from accounts.services.rights import rights_of
from accounts.services.tokens import MAX_DAYS, MAX_NAME, MAX_TOKENS, hashed, usable
from mollymawk.errors import Invalid, Refused


def token_bring(
    *, actor: Actor, user: User, team: Team, name: str, text: str, expires_at: datetime
) -> ApiToken:
    """A token of *user* for *team* with the text it has always had: a UUID, see ``accounts.tokens``.

    A deployer's, which is what the routes that it was made for let it do. It ends when it would have
    ended, a year and a day from now at the latest. Raises ``Invalid`` and ``Refused``.
    """
    require_superuser(actor)
    key_id = tokens.foreign_key_id(text)
    if key_id is None:
        raise Invalid("This is no token of the OCaml Mollymawk: those are UUIDs.")
    if usable(team).count() >= MAX_TOKENS:
        raise Refused(f"A team has at most {MAX_TOKENS} usable tokens.")
    tidy = "".join(c for c in name if c.isprintable()).strip()[:MAX_NAME] or "token"
    with transaction.atomic():
        token = ApiToken.objects.create(
            team=team,
            name=tidy,
            created_by=user,
            **hashed(key_id, text),
            **rights_of(role=Role.DEPLOYER).columns(),
            expires_at=min(expires_at, timezone.now() + timedelta(days=MAX_DAYS)),
        )
        data = {"name": tidy, "role": Role.DEPLOYER.value, "maker": user.email}
        record(actor=actor, kind="token.brought", subject=f"token:{key_id}", team=team, data=data)
    return token


def token_is_there(text: str) -> bool:
    """Whether *text* was brought over before, revoked or not."""
    key_id = tokens.foreign_key_id(text)
    return key_id is not None and ApiToken.objects.filter(key_id=key_id).exists()
