"""Who may register, and what an account still waits for.

``REGISTRATION`` says who may: everybody (``open``), whoever holds a valid invitation (``invite``), or
nobody (``closed``). With ``REGISTRATION_APPROVAL`` a superuser lets each new account in; without it an
account comes in by itself, once its address is confirmed where that is asked for (``EMAIL_VERIFICATION``).
"""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.conf import settings
from django.http import HttpRequest

from accounts.invitations.session import invitation_in
from accounts.models import User


def is_open(request: HttpRequest) -> bool:
    """Whether who sends *request* may register."""
    mode = settings.REGISTRATION
    return mode == "open" or (mode == "invite" and invited_address(request) is not None)


def may_register(request: HttpRequest, email: str) -> bool:
    """Whether who sends *request* may register with *email*: with ``invite`` only as who was invited."""
    return settings.REGISTRATION != "invite" or invited_address(request) == email


def invited_address(request: HttpRequest) -> str | None:
    """The address that the invitation went to whose link was opened in this session, while it is valid."""
    invitation = invitation_in(request)
    return None if invitation is None else invitation.email


def verifies() -> bool:
    """Whether an address has to be confirmed by a link in a mail before the account counts."""
    return bool(settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory")


def unconfirmed(user: User) -> EmailAddress | None:
    """The address that *user* still has to confirm. None as well for who was made by an operator."""
    if not verifies():
        return None
    addresses = list(EmailAddress.objects.filter(user=user))
    if any(address.verified for address in addresses):
        return None
    return addresses[0] if addresses else None


def comes_in(user: User) -> bool:
    """Whether the account of *user* waits for nothing any more, and may be let in without a superuser."""
    return user.admitted and not user.is_active and unconfirmed(user) is None
