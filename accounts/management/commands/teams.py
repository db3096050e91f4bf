"""``manage.py teams``: which teams there are, and who owns them."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Count
from rich.console import Console
from rich.table import Table

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.models import Role, Team


class Command(ServiceCommand):
    """Lists teams, or the members of one."""

    help = "List teams and their owners, or the members of one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team", nargs="?", help="tell its members")

    def handle(self, *args: Any, team: str | None, **_: Any) -> None:
        rows = _members(team_of(COMMAND, team)) if team else _teams()
        self.stdout.write(json.dumps(rows, indent=2) if self.json else _table(rows))


def _teams() -> list[dict[str, Any]]:
    teams = Team.objects.annotate(people=Count("memberships")).prefetch_related("memberships__user")
    return [
        {
            "name": team.name,
            "domain": team.domain,
            "personal": team.personal_of_id is not None,
            "members": team.people,
            "owners": [row.user.email for row in team.memberships.all() if row.role == Role.OWNER],
        }
        for team in teams.order_by("name")
    ]


def _members(team: Team) -> list[dict[str, Any]]:
    rows = team.memberships.select_related("user").order_by("user__email")
    return [{"email": row.user.email, "role": row.role, "active": row.user.is_active} for row in rows]


def _table(rows: list[dict[str, Any]]) -> str:
    table = Table(*(rows[0] if rows else []), box=None, pad_edge=False)
    for row in rows:
        cells = (", ".join(cell) if isinstance(cell, list) else str(cell) for cell in row.values())
        table.add_row(*cells)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()
