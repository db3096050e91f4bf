"""``manage.py team_add NAME --owner EMAIL``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import user_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.services import team_create


class Command(ServiceCommand):
    """Makes a team."""

    help = "Make a team. Its domain, the first label of its unikernels' names, never changes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--owner", required=True, metavar="EMAIL")
        parser.add_argument("--domain", default="", help="the name, unless given")

    def handle(self, *args: Any, name: str, owner: str, domain: str, **_: Any) -> None:
        team = team_create(actor=COMMAND, name=name, domain=domain, owner=user_of(COMMAND, owner))
        text = f"Team {team}, domain {team.domain}, owned by {owner}."
        self.tell(text, name=team.name, domain=team.domain, owner=owner)
