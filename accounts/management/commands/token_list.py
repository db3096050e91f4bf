"""``manage.py token_list --team TEAM``: the tokens of a team."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.api import show_token
from accounts.management.base import ServiceCommand, print_json
from accounts.models import ApiToken
from accounts.services import token_list


class Command(ServiceCommand):
    """Lists API tokens without their secrets, newest first."""

    help = "List the API tokens of a team: those that are usable, and those that ended in the last 30 days."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--team", required=True)
        parser.add_argument("--json", action="store_true", help="one JSON array on stdout")

    def handle(self, *args: Any, team: str, json: bool, **_: Any) -> None:
        rows = list(token_list(team_of(COMMAND, team)))
        if json:
            print_json(self.stdout, [show_token(row) for row in rows])
            return
        for row in rows:
            self.stdout.write(told(row))


def told(token: ApiToken) -> str:
    """*token* on one line."""
    until = f"until {token.expires_at:%Y-%m-%d}" if token.expires_at else "for ever"
    state = "revoked" if token.revoked_at else until if token.usable else "expired"
    names = "" if token.unikernels is None else f"  only {', '.join(token.unikernels)}"
    networks = f"  from {', '.join(token.networks)}" if token.networks else ""
    return f"{token.key_id}  {state}  {token.name}  {', '.join(token.scopes)}{names}{networks}"
