"""``manage.py session_list EMAIL``: where somebody is logged in."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import user_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.services import session_list
from accounts.sessions import browser_name


class Command(ServiceCommand):
    """Lists the sessions of somebody, the last used first."""

    help = "List the sessions of a person. The numbers are what session_revoke takes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **_: Any) -> None:
        rows = [
            {
                "id": str(row.pk),
                "browser": browser_name(row.user_agent),
                "address": row.ip,
                "since": row.created_at.isoformat(timespec="seconds"),
                "last_used": row.last_seen_at.isoformat(timespec="seconds"),
            }
            for row in session_list(actor=COMMAND, user=user_of(COMMAND, email))
        ]
        self.show(rows)
