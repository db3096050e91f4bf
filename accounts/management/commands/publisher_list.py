"""``manage.py publisher_list --team TEAM``: the workflows that a team trusts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand, print_json
from accounts.publishers.api import show_publisher
from accounts.publishers.services import publishers_of


class Command(ServiceCommand):
    """Lists trusted publishers, newest first."""

    help = "List the workflows that a team trusts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--team", required=True)
        parser.add_argument("--json", action="store_true", help="one JSON array on stdout")

    def handle(self, *args: Any, team: str, json: bool, **_: Any) -> None:
        rows = list(publishers_of(team_of(COMMAND, team)))
        if json:
            print_json(self.stdout, [show_publisher(row) for row in rows])
            return
        for row in rows:
            names = "" if row.unikernels is None else f"  only {', '.join(row.unikernels)}"
            place = f"{row.ref} {row.environment}".strip()
            self.stdout.write(f"{row.pk}  {row.issuer}  {row}  {place}  {', '.join(row.scopes)}{names}")
