"""What allauth does for people, written down like everything else."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.mfa import signals as mfa
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import Signal
from django.http import HttpRequest

from accounts import registration
from accounts.actors import SYSTEM, Actor
from accounts.events import record
from accounts.failures import factor_failed
from accounts.models import User
from accounts.requests import client_address
from accounts.services import user_activate
from accounts.services.sessions import sessions_end, subject

_KINDS: dict[str, Signal] = {
    "user.logged_out": user_logged_out,
    "user.password_changed": account.password_changed,
    "user.password_reset": account.password_reset,
}
# What lets somebody in, or no longer: after it nobody stays in elsewhere by what was so before.
_FACTORS: dict[str, Signal] = {
    "user.second_factor_added": mfa.authenticator_added,
    "user.second_factor_removed": mfa.authenticator_removed,
    "user.second_factor_reset": mfa.authenticator_reset,
}


def connect() -> None:
    """Listen. Once for each process; connecting again replaces what was connected."""
    for kind, signal in _KINDS.items():
        signal.connect(_writer(kind), weak=False, dispatch_uid=f"accounts.{kind}")
    for kind, signal in _FACTORS.items():
        signal.connect(_writer(kind), weak=False, dispatch_uid=f"accounts.{kind}")
        signal.connect(_others_out, dispatch_uid=f"accounts.{kind}.others")
    mfa.authentication_failed.connect(factor_failed, dispatch_uid="accounts.factor_failed")
    user_logged_in.connect(_logged_in, dispatch_uid="accounts.logged_in")
    account.email_changed.connect(_address_changed, dispatch_uid="accounts.email_changed")
    account.email_confirmed.connect(_address_confirmed, dispatch_uid="accounts.email_confirmed")


def _logged_in(*, request: HttpRequest | None = None, user: User, **_: Any) -> None:
    if request is None:  # a test logs in without one
        return
    means = [_mean(used) for used in get_authentication_records(request, user)]
    actor = Actor(user, "session", client_address(request))
    record(actor=actor, kind="user.logged_in", subject=subject(user), data={"with": ", ".join(means)})


def _mean(used: dict[str, Any]) -> str:
    """A way to prove who one is, in a word: password, passkey, oidc, totp, recovery_codes, webauthn."""
    if used["method"] == "socialaccount":
        return "oidc"
    if used.get("passwordless"):
        return "passkey"
    return str(used.get("type") or used.get("provider") or used["method"])


def _address_changed(
    *,
    request: HttpRequest,
    user: User,
    from_email_address: EmailAddress | None,
    to_email_address: EmailAddress,
    **_: Any,
) -> None:
    actor = Actor(user, "session", client_address(request))
    was = from_email_address.email if from_email_address else None
    data = {"was": was, "now": to_email_address.email}
    record(actor=actor, kind="user.email_changed", subject=subject(user), data=data)


def _address_confirmed(*, email_address: EmailAddress, request: HttpRequest, **_: Any) -> None:
    user = email_address.user
    actor = Actor(user, "link by mail", client_address(request))
    record(actor=actor, kind="user.email_confirmed", subject=subject(user), data={"email": user.email})
    if registration.comes_in(user):
        user_activate(actor=SYSTEM, user=user)


def _others_out(*, request: HttpRequest, user: User, **_: Any) -> None:
    """End the other sessions of *user*, and say so."""
    actor = Actor(user, "session", client_address(request))
    if sessions_end(actor=actor, user=user, keep=request.session.session_key):
        messages.info(request, "Everywhere else you are logged out now.")


def _writer(kind: str) -> Any:
    def write(*, request: HttpRequest | None = None, user: User | None = None, **_: Any) -> None:
        # Django logs out nobody, too; a test logs in without a request.
        if user is None or request is None:
            return
        actor = Actor(user, "session", client_address(request))
        record(actor=actor, kind=kind, subject=subject(user))

    return write
