"""``manage.py user_activate EMAIL…``: let people in who registered."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import user_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.services import user_activate


class Command(ServiceCommand):
    """Activates the accounts of these addresses."""

    help = "Let people in who registered; each gets a personal team."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", nargs="+")

    def handle(self, *args: Any, email: list[str], **_: Any) -> None:
        for user in [user_of(COMMAND, address) for address in email]:
            user_activate(actor=COMMAND, user=user)
            text = f"{user} may log in; personal team: {user.personal_team}."
            self.tell(text, email=user.email, team=str(user.personal_team))
