"""What allauth does for people, written down like everything else."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import Signal
from django.http import HttpRequest

from accounts.actors import Actor
from accounts.events import record
from accounts.models import User
from accounts.requests import client_address

_KINDS: dict[str, Signal] = {
    "user.logged_in": user_logged_in,
    "user.logged_out": user_logged_out,
    "user.password_changed": account.password_changed,
    "user.password_reset": account.password_reset,
    "user.email_changed": account.email_changed,
    "user.second_factor_added": mfa.authenticator_added,
    "user.second_factor_removed": mfa.authenticator_removed,
    "user.second_factor_reset": mfa.authenticator_reset,
}


def connect() -> None:
    """Listen. Once for each process; connecting again replaces what was connected."""
    for kind, signal in _KINDS.items():
        signal.connect(_writer(kind), weak=False, dispatch_uid=f"accounts.{kind}")


def _writer(kind: str) -> Any:
    def write(*, request: HttpRequest | None = None, user: User | None = None, **_: Any) -> None:
        # Django logs out nobody, too; a test logs in without a request.
        if user is None or request is None:
            return
        actor = Actor(user, "session", client_address(request))
        record(actor=actor, kind=kind, subject=f"user:{user.pk}")

    return write
