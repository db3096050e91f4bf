"""``manage.py users``: who is there, who waits."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console
from rich.table import Table

from accounts.management.base import ServiceCommand
from accounts.models import User


class Command(ServiceCommand):
    """Lists people; the ones who wait for a superuser first."""

    help = "List people, those who wait to be let in first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--waiting", action="store_true", help="only those who may not log in")

    def handle(self, *args: Any, waiting: bool, json: bool, **_: Any) -> None:
        people = User.objects.order_by("is_active", "email")
        rows = [_row(user) for user in (people.filter(is_active=False) if waiting else people)]
        self.stdout.write(_json(rows) if json else _table(rows), ending="\n" if json else "")


def _row(user: User) -> dict[str, str]:
    state = "superuser" if user.is_superuser else "active"
    return {
        "email": user.email,
        "state": state if user.is_active else "waiting",
        "joined": user.date_joined.isoformat(timespec="seconds"),
        "last_login": user.last_login.isoformat(timespec="seconds") if user.last_login else "",
    }


def _json(rows: list[dict[str, str]]) -> str:
    return json.dumps(rows, indent=2)


def _table(rows: list[dict[str, str]]) -> str:
    table = Table("Email", "State", "Joined", "Last login", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row.values())
    console = Console()
    with console.capture() as capture:
        console.print(table)
    return capture.get()
