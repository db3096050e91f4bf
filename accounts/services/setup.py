"""The first superuser: whoever holds the one-time token that the server printed at its start."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import tokens
from accounts.actors import Actor
from accounts.events import record
from accounts.models import SetupToken, User
from accounts.services.sessions import subject
from accounts.services.teams import personal_team_ensure, unowned_teams_take
from accounts.services.users import address_vouch, check_email, check_password
from mollymawk.errors import Conflict, Invalid

LIFETIME = timedelta(days=7)  # it is printed anew at each start
LENGTH = 30  # characters of base62: 178 bits


def needs_setup() -> bool:
    """Whether there is no superuser yet."""
    return not User.objects.filter(is_superuser=True).exists()


def setup_token_issue() -> str:
    """A fresh set-up token; the ones before it are void. ``Conflict`` once there is a superuser."""
    text = tokens.random_text(LENGTH)
    with transaction.atomic():
        if not needs_setup():
            raise Conflict("There is a superuser already; set-up is over.")
        SetupToken.objects.all().delete()
        SetupToken.objects.create(secret_hash=_digest(text))
    return text


def setup_token_redeem(*, token: str, email: str, password: str, address: str | None = None) -> User:
    """Make the holder of *token* the first superuser, with *email* and *password*.

    An account that waits under this address becomes theirs and gets the new password: who holds the
    token runs the server. Raises ``Invalid`` (for ``token``, ``email`` or ``password``; the token may be
    used again) and ``Conflict`` once there is a superuser.
    """
    email = check_email(email)
    with transaction.atomic():
        if not needs_setup():
            raise Conflict("There is a superuser already; set-up is over.")
        if not _matches(token):
            text = "This is not the token that the server printed last, or it is too old."
            raise Invalid(text, fields={"token": [text]})
        check_password(password, User(email=email))
        if not SetupToken.objects.all().delete()[0]:
            raise Conflict("Somebody else used this token just now.")
        user = _superuser(email, password)
        actor = Actor(user, "set-up token", address)
        record(actor=actor, kind="user.setup", subject=subject(user), now="superuser", data={"email": email})
        personal_team_ensure(actor=actor, user=user)
        unowned_teams_take(actor=actor, owner=user)
    return user


def _superuser(email: str, password: str) -> User:
    user = User.objects.filter(email=email).first() or User(email=email)
    user.is_active = user.is_superuser = True
    user.set_password(password)
    user.save()
    address_vouch(user)
    return user


def _matches(token: str) -> bool:
    given = _digest(token.strip())
    fresh = SetupToken.objects.filter(created_at__gt=timezone.now() - LIFETIME)
    return any(tokens.same(given, row.secret_hash) for row in fresh)


def _digest(text: str) -> str:
    return tokens.digest(f"set-up {text}", next(iter(tokens.peppers().values())))
