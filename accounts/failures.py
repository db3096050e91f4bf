"""Failed logins in the log: enough to see that somebody tries, and never a flood.

Of an account and an address one in five minutes is told, and of names that nobody has at most a
hundred an hour in all; what was typed is never kept, it may be a password in the wrong field.
"""

from __future__ import annotations

from typing import Any

from allauth.core.internal import ratelimit
from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from accounts.actors import SYSTEM
from accounts.events import record
from accounts.models import User
from accounts.requests import client_address
from accounts.services.sessions import subject

KIND = "user.login_failed"
# In ACCOUNT_RATE_LIMITS.
TOLD, NAMELESS = "login_failed_told", "login_failed_nameless"


def password_failed(request: HttpRequest, email: str) -> None:
    """Somebody gave a wrong password for *email*, which somebody may have or nobody."""
    _tell(request, User.objects.filter(email=email.strip().lower()).first(), "password")


def factor_failed(*, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Somebody who gave the password, or has a session, gave a wrong code."""
    _tell(request, user, str(authenticator.type))


def passkey_failed(request: HttpRequest, user: User | None) -> None:
    """Somebody showed a passkey or security key that lets nobody in; *user*, who gave the password before,
    or None: whose it claims to be is not believed.
    """
    _tell(request, user, "passkey")


def issuer_failed(request: HttpRequest) -> None:
    """Somebody came back from the issuer and was not let in."""
    _tell(request, None, "oidc")


def _tell(request: HttpRequest, user: User | None, means: str) -> None:
    if user is None and not _fits(request, NAMELESS, "all"):
        return
    address = client_address(request) or ""
    whose = subject(user) if user else "user:unknown"
    if not _fits(request, TOLD, f"{whose} {address} {means}"):
        return
    data = {"with": means, "address": address, "email": user.email if user else None}
    reason = f"Somebody at {address or 'an unknown address'} {_DID.get(means, 'gave a wrong code')}."
    record(actor=SYSTEM, kind=KIND, subject=whose, reason=reason, data=data)


def _fits(request: HttpRequest, action: str, key: str) -> bool:
    """Whether one more may be told. From an issuer one comes back by GET, which allauth does not count itself."""
    fits = ratelimit.consume(request, app="allauth.account", action=action, key=key, limit_get=True)
    return fits is not None


_DID = {
    "password": "gave a wrong password",
    "recovery_codes": "gave a wrong recovery code",
    "passkey": "showed a passkey that is not known",
    "oidc": "came from the issuer and was not let in",
}
