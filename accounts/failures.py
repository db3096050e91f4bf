"""Failed logins in the log: enough to see that somebody tries, and never a flood.

Of an account and an address one in five minutes is told, and of names that nobody has at most a
hundred an hour in all; what was typed is never kept, it may be a password in the wrong field.
"""

from __future__ import annotations

from typing import Any

from allauth.core import ratelimit
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
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is not None:
        _tell(request, user, "password")
    elif ratelimit.consume(request, action=NAMELESS, key="all"):
        _tell(request, None, "password")


def factor_failed(*, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Somebody who gave the password, or has a session, gave a wrong code."""
    _tell(request, user, str(authenticator.type))


def _tell(request: HttpRequest, user: User | None, means: str) -> None:
    address = client_address(request) or ""
    whose = subject(user) if user else "user:unknown"
    if not ratelimit.consume(request, action=TOLD, key=f"{whose} {address} {means}"):
        return
    data = {"with": means, "address": address, "email": user.email if user else None}
    reason = f"Somebody at {address or 'an unknown address'} gave a wrong {_WORDS.get(means, 'code')}."
    record(actor=SYSTEM, kind=KIND, subject=whose, reason=reason, data=data)


_WORDS = {"password": "password", "recovery_codes": "recovery code"}
