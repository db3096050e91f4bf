"""``manage.py team_member TEAM EMAIL --role ROLE | --remove``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import team_of, user_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.models import Role
from accounts.services import member_remove, member_set


class Command(ServiceCommand):
    """Takes somebody into a team, changes a role, or takes somebody out."""

    help = "Take somebody into a team, change a member's role, or take a member out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("team")
        parser.add_argument("email")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--role", choices=Role.values)
        what.add_argument("--remove", action="store_true")

    def handle(self, *args: Any, team: str, email: str, role: str | None, remove: bool, **_: Any) -> None:
        found, user = team_of(COMMAND, team), user_of(COMMAND, email)
        if remove:
            member_remove(actor=COMMAND, team=found, user=user)
            self.tell(f"{user} is no longer in {found}.", team=found.name, email=user.email, role=None)
        elif role:
            member_set(actor=COMMAND, team=found, user=user, role=Role(role))
            self.tell(f"{user} is {role} in {found}.", team=found.name, email=user.email, role=role)
