"""``manage.py user_deactivate EMAIL…``: shut people out."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import user_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.services import user_deactivate


class Command(ServiceCommand):
    """Deactivates the accounts of these addresses; what they own stays."""

    help = "Shut people out: their sessions and API tokens are dead until they are let in again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", nargs="+")

    def handle(self, *args: Any, email: list[str], **_: Any) -> None:
        for user in [user_of(COMMAND, address) for address in email]:
            user_deactivate(actor=COMMAND, user=user)
            self.tell(f"{user} is shut out.", deactivated=user.email)
