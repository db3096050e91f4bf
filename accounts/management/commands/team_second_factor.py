"""``manage.py team_second_factor TEAM on|off``: whether members need a second factor."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.services import second_factor_demand


class Command(ServiceCommand):
    """Demands a second factor of the members of a team, or no longer."""

    help = "Demand a second factor of the members of a team (on), or no longer (off)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team")
        parser.add_argument("demand", choices=["on", "off"])

    def handle(self, *args: Any, team: str, demand: str, **_: Any) -> None:
        found = second_factor_demand(actor=COMMAND, team=team_of(COMMAND, team), demanded=demand == "on")
        verb = "demands" if found.demands_second_factor else "does not demand"
        self.tell(
            f"{found} {verb} a second factor of its members.",
            team=found.name,
            demanded=found.demands_second_factor,
        )
