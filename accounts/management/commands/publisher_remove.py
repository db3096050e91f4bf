"""``manage.py publisher_remove NUMBER --team TEAM``: trust a workflow no more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.publishers.services import publisher_of, publisher_remove


class Command(ServiceCommand):
    """Removes a trusted publisher."""

    help = "Trust a workflow no more; the tokens that it has are revoked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", type=int)
        parser.add_argument("--team", required=True)

    def handle(self, *args: Any, number: int, team: str, **_: Any) -> None:
        publisher = publisher_of(COMMAND, team_of(COMMAND, team), number)
        publisher_remove(actor=COMMAND, publisher=publisher)
        self.tell(f"{publisher} is trusted no more.", removed=number)
