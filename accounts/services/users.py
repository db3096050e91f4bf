"""People: registered, let in, shut out, made superusers."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.actors import Actor, require_fresh, require_superuser
from accounts.events import record
from accounts.models import User
from accounts.services.sessions import sessions_end, subject
from accounts.services.teams import personal_team_ensure, unowned_teams_take
from mollymawk.errors import Conflict, Invalid, Refused


def user_register(
    *, email: str, password: str | None, admitted: bool = False, address: str | None = None
) -> User:
    """Somebody asks to be let in: an inactive account, without a team, that waits for a superuser; or,
    *admitted*, only for its address to be confirmed. Without a password they come in by OIDC.

    Takes no actor, since nobody is known yet; *address* goes into the event. Raises ``Invalid`` for an
    address or password that will not do and ``Conflict`` for one that is registered; who calls this
    for a stranger must not tell the two apart.
    """
    with transaction.atomic():
        user = _create(email, password, admitted=admitted)
        data = {"with": "oidc" if password is None else "password"}
        record(
            actor=Actor(user, "registration", address),
            kind="user.registered",
            subject=subject(user),
            data=data,
        )
    return user


def accounts_waiting() -> QuerySet[User]:
    """Whoever waits for a superuser: registered, never let in (that makes the personal team), never shut out."""
    return User.objects.filter(is_active=False, admitted=False, personal_team=None)


def user_add(*, actor: Actor, email: str, password: str, superuser: bool = False, domain: str = "") -> User:
    """A new person who may log in at once, with a personal team (in *domain*, if that is given). Teams
    that have no member yet are a new superuser's.
    """
    require_superuser(actor)
    require_fresh(actor)
    with transaction.atomic():
        user = _create(email, password, is_active=True, is_superuser=superuser)
        address_vouch(user)
        record(actor=actor, kind="user.added", subject=subject(user), now=_kind(user), data={"email": email})
        personal_team_ensure(actor=actor, user=user, domain=domain)
        if superuser:
            unowned_teams_take(actor=actor, owner=user)
    return user


def user_activate(*, actor: Actor, user: User) -> User:
    """Let *user* in; the personal team is made if it is not there yet. Again is harmless."""
    require_superuser(actor)
    require_fresh(actor)
    with transaction.atomic():
        if User.objects.filter(pk=user.pk, is_active=False).update(is_active=True, admitted=False):
            record(actor=actor, kind="user.activated", subject=subject(user), data={"email": user.email})
        personal_team_ensure(actor=actor, user=user)
    user.refresh_from_db()
    return user


def user_deactivate(*, actor: Actor, user: User) -> User:
    """Shut *user* out: sessions end; tokens are dead from now on, and live again if let in again.

    Refused for oneself and for the last superuser.
    """
    require_superuser(actor)
    require_fresh(actor)
    _not_oneself(actor, user, "You cannot shut yourself out; another superuser can.")
    with transaction.atomic():
        _keep_a_superuser(user)
        if User.objects.filter(pk=user.pk, is_active=True).update(is_active=False, admitted=False):
            record(actor=actor, kind="user.deactivated", subject=subject(user), data={"email": user.email})
        sessions_end(actor=actor, user=user)
    user.refresh_from_db()
    return user


def superuser_set(*, actor: Actor, user: User, superuser: bool) -> User:
    """Make *user* a superuser, or no longer one. Refused for oneself and for the last one."""
    require_superuser(actor)
    require_fresh(actor)
    _not_oneself(actor, user, "You cannot take this from yourself; another superuser can.")
    with transaction.atomic():
        if not superuser:
            _keep_a_superuser(user)
        was = _kind(user)
        if User.objects.filter(pk=user.pk).exclude(is_superuser=superuser).update(is_superuser=superuser):
            user.refresh_from_db()
            record(
                actor=actor,
                kind="user.superuser",
                subject=subject(user),
                was=was,
                now=_kind(user),
                data={"email": user.email},
            )
    return user


def password_set(*, actor: Actor, user: User, password: str) -> User:
    """Give *user* another password, as a superuser; all sessions of theirs end."""
    require_superuser(actor)
    require_fresh(actor)
    check_password(password, user)
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        record(actor=actor, kind="user.password_set", subject=subject(user), data={"email": user.email})
    return user


def check_password(password: str, user: User) -> None:
    """Raise ``Invalid`` (for ``password``) when *password* is too weak for *user*."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid("This password will not do.", fields={"password": error.messages}) from error


def check_email(email: str) -> str:
    """*email*, folded; ``Invalid`` (for ``email``) when it is no address."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise Invalid("This is no e-mail address.", fields={"email": error.messages}) from error
    return email


def second_factors_remove(*, actor: Actor, user: User) -> list[str]:
    """Take all second factors off *user*, who lost them; which kinds there were. Their sessions end.

    The password alone lets them in afterwards: make sure first that it is they who ask. Superusers and
    operators, and nobody for themselves: who lost theirs has no session that could prove it.
    """
    require_superuser(actor)
    require_fresh(actor)
    _not_oneself(actor, user, "Your own you remove on the page of second factors.")
    with transaction.atomic():
        factors = Authenticator.objects.filter(user=user)
        kinds = sorted(set(factors.values_list("type", flat=True)))
        if kinds:
            factors.delete()
            data = {"email": user.email, "kinds": kinds}
            record(actor=actor, kind="user.second_factors_removed", subject=subject(user), data=data)
        sessions_end(actor=actor, user=user)
    return kinds


def address_vouch(user: User) -> None:
    """The address of *user* counts as confirmed: whoever made the account says so."""
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )


def _create(email: str, password: str | None, **fields: bool) -> User:
    email = check_email(email)
    if password is not None:
        check_password(password, User(email=email))
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, **fields)
    except IntegrityError as error:
        raise Conflict(f"{email} is registered already.") from error


def _kind(user: User) -> str:
    return "superuser" if user.is_superuser else "user"


def _not_oneself(actor: Actor, user: User, sentence: str) -> None:
    if actor.user is not None and actor.user.pk == user.pk:
        raise Refused(sentence)


def superusers_lock() -> QuerySet[User]:
    """The superusers who may log in; who changes them waits for the end of this transaction."""
    active = User.objects.filter(is_superuser=True, is_active=True)
    active.update(is_superuser=True)
    return active


def _keep_a_superuser(user: User) -> None:
    """Refuse if nobody would be left who can let people in. Locks the superusers' rows, so that two
    superusers cannot remove each other at the same moment.
    """
    active = superusers_lock()
    if active.filter(pk=user.pk).exists() and not active.exclude(pk=user.pk).exists():
        raise Refused(f"{user} is the last superuser.")
