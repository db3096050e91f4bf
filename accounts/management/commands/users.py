"""``manage.py users``: who is there, who waits."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand
from accounts.models import User


class Command(ServiceCommand):
    """Lists people; the ones who wait for a superuser first."""

    help = "List people, those who wait to be let in first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--waiting", action="store_true", help="only those who may not log in")

    def handle(self, *args: Any, waiting: bool, **_: Any) -> None:
        people = User.objects.order_by("is_active", "email")
        rows = [_row(user) for user in (people.filter(is_active=False) if waiting else people)]
        self.show(rows)


def _row(user: User) -> dict[str, str]:
    state = "superuser" if user.is_superuser else "active"
    return {
        "email": user.email,
        "state": state if user.is_active else "waiting",
        "joined": user.date_joined.isoformat(timespec="seconds"),
        "last_login": user.last_login.isoformat(timespec="seconds") if user.last_login else "",
    }
