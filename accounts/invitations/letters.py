"""What an invited person reads."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from accounts.invitations.models import Invitation
from accounts.mail.services import letter_to
from accounts.models import Letter

TOPIC = "invitation"  # none of accounts.mail.topics: nobody subscribes to it
_MAY = {
    "viewer": "see what runs and follow consoles",
    "deployer": "also deploy, upgrade, restart and destroy",
    "owner": "do everything, members and tokens included",
}


def invitation_letter(invitation: Invitation, secret: str) -> Letter:
    """The letter with the link; it goes to the address, whether anybody is registered with it or not."""
    who = invitation.invited_by.email if invitation.invited_by else "The operator of this server"
    link = settings.SITE_URL + reverse("invitation-link", args=[secret])
    text = (
        f"{who} invites you to the team {invitation.team}, as {invitation.role}:"
        f" you may {_MAY[invitation.role]}.\n\n"
        f"Accept or decline until {invitation.expires_at:%Y-%m-%d %H:%M} UTC:\n\n{link}\n\n"
        "Whoever has no account yet makes one there, with this address.\n"
        "If this says nothing to you, do nothing: nothing happens then.\n"
    )
    subject = f"{who} invites you to the team {invitation.team}"
    return letter_to(address=invitation.email, topic=TOPIC, subject=subject, text=text)
