"""``manage.py team_invite TEAM EMAIL``: a letter with a link that lets its reader join."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.invitations.services import invitation_withdraw, invitations_open, invite
from accounts.management.base import ServiceCommand
from accounts.models import Role
from mollymawk.errors import Missing


class Command(ServiceCommand):
    """Invites somebody, or withdraws that."""

    help = "Invite somebody into a team by mail, or withdraw an invitation."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team")
        parser.add_argument("email")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--role", choices=Role.values, default=Role.VIEWER.value)
        what.add_argument("--withdraw", action="store_true")

    def handle(self, *args: Any, team: str, email: str, role: str, withdraw: bool, **_: Any) -> None:
        found = team_of(COMMAND, team)
        if not withdraw:
            made = invite(actor=COMMAND, team=found, email=email, role=Role(role))
            text = f"{made.email} is invited as {role}, until {made.expires_at:%Y-%m-%d %H:%M} UTC."
            self.tell(text, email=made.email, role=role, expires_at=made.expires_at)
            return
        standing = invitations_open(found).filter(email=email.strip().lower()).first()
        if standing is None:
            raise Missing(f"{email} is not invited to {found}.")
        invitation_withdraw(actor=COMMAND, invitation=standing)
        self.tell(f"{standing.email} is no longer invited.", email=standing.email)
