"""The invitation whose link was opened in this browser, also before anybody logged in or registered."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.invitations.models import Invitation
from accounts.invitations.services import invitation_find, invitation_held

_KEY = "invitation"  # holds the hash of the secret: sessions are rows, and no secret stands in those


def remember(request: HttpRequest, secret: str) -> Invitation | None:
    """Note that the link with this *secret* was opened, if its invitation still stands."""
    found = invitation_find(secret)
    if found is not None:
        request.session[_KEY] = found.secret_hash
    return found


def invitation_in(request: HttpRequest) -> Invitation | None:
    """The invitation that *request* carries, if it still stands: its link was opened in this session.

    Whoever registers with exactly ``invitation.email`` has shown that this mailbox is theirs.
    """
    return invitation_held(str(request.session.get(_KEY, "")))


def forget(request: HttpRequest) -> None:
    """It was answered."""
    request.session.pop(_KEY, None)
