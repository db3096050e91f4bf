"""Which account elsewhere lets whom in. allauth keeps the rows (``SocialAccount``)."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.actors import Actor, require_fresh
from accounts.events import record
from accounts.models import User
from accounts.oidc import settled
from accounts.people import address_verified
from accounts.services.sessions import subject
from accounts.services.users import address_vouch, user_register
from mollymawk.errors import Conflict, Forbidden, Missing, Refused

_GONE = "There is no such account; it may be disconnected."


def identities_of(user: User) -> QuerySet[SocialAccount]:
    """The accounts at the present issuer that let *user* in: one, or none."""
    found: QuerySet[SocialAccount] = SocialAccount.objects.filter(user=user, provider=settled.issuer())
    return found


def may_link_itself(user: User) -> bool:
    """Whether who comes from the issuer with the address of *user* is *user*: as far as the issuer is
    trusted, nobody else may have registered with the address, and never for who may do everything.
    """
    trusted = bool(settings.OIDC_TRUSTS_EMAIL)
    return trusted and user.is_active and not user.is_superuser and address_verified(user)


def identity_register(*, email: str, account: SocialAccount, address: str | None = None) -> User:
    """Somebody came from the issuer for the first time, with an address that it has confirmed. The account
    waits for a superuser if ``REGISTRATION_APPROVAL`` says so. Raises as ``user_register`` does.
    """
    with transaction.atomic():
        admitted = not settings.REGISTRATION_APPROVAL
        user = user_register(email=email, password=None, admitted=admitted, address=address)
        address_vouch(user)
        identity_link(actor=Actor(user, "oidc", address), user=user, account=account)
    return user


def identity_link(*, actor: Actor, user: User, account: SocialAccount) -> SocialAccount:
    """*account*, a new row, lets *user* in from now on. Raises ``Conflict`` when it lets in somebody else,
    or *user* has another one there, and ``Forbidden`` when they were shut out meanwhile.
    """
    try:
        with transaction.atomic():
            held = User.objects.select_for_update().get(pk=user.pk)
            if user.is_active and not held.is_active:
                raise Forbidden("This account is shut.")
            if identities_of(held).exists():
                raise Conflict(f"Another account at {settled.name()} lets you in already.")
            account.user = held
            account.save(force_insert=True)
            record(actor=actor, kind="user.linked", subject=subject(held), data=_facts(account))
    except IntegrityError as error:
        raise Conflict(f"This account at {settled.name()} is somebody else's here.") from error
    return account


def identity_unlink(*, actor: Actor, user: User, pk: int) -> None:
    """*user*'s account at the issuer lets nobody in any more; they are told by mail. Refused without a
    password, which would be no way in at all.
    """
    check_identity_unlink(actor=actor, user=user, pk=pk)
    with transaction.atomic():
        account = identities_of(user).filter(pk=pk).first()
        if account is None:
            raise Missing(_GONE)
        record(actor=actor, kind="user.unlinked", subject=subject(user), data=_facts(account))
        account.delete()
    tell_by_mail(user, "oidc_disconnected")


def check_identity_unlink(*, actor: Actor, user: User, pk: int) -> None:
    """Raises what ``identity_unlink`` raises, and changes nothing."""
    if actor.token or actor.user != user:
        raise Forbidden("Only its person disconnects an account.")
    require_fresh(actor)
    if not identities_of(user).filter(pk=pk).exists():
        raise Missing(_GONE)
    if not user.has_usable_password():
        raise Refused("Set a password first: without one you could not come in any more.")


def tell_by_mail(user: User, what: str) -> None:
    """Tell *user* by mail that an account was connected or disconnected (*what*)."""
    get_adapter().send_notification_mail(
        f"accounts/email/{what}", user, {"issuer": settled.name()}, email=_mailbox(user)
    )


def _mailbox(user: User) -> str:
    primary = EmailAddress.objects.get_primary_email(user)
    return str(primary or user.email)


def _facts(account: SocialAccount) -> dict[str, str]:
    return {"issuer": account.provider, "identity": account.uid}
