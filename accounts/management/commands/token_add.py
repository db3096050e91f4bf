"""``manage.py token_add NAME --team TEAM --user EMAIL --scope upgrade``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import team_of, user_of
from accounts.actors import COMMAND, Actor
from accounts.management.base import ServiceCommand, add_rights_options, rights_given
from accounts.models import Role
from accounts.services import token_issue
from accounts.services.tokens import DEFAULT_DAYS


class Command(ServiceCommand):
    """Issues an API token in the name of an owner of the team."""

    help = "Issue an API token for a team, in the name of one of its owners. Stdout is the token, shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what it is for")
        parser.add_argument("--team", required=True)
        parser.add_argument("--user", required=True, metavar="EMAIL", help="an owner of the team")
        parser.add_argument("--role", choices=Role.values, help="all scopes that this role suffices for")
        add_rights_options(parser)
        parser.add_argument(
            "--network", action="append", metavar="NETWORK", help="only from there, such as 192.0.2.0/24"
        )
        parser.add_argument("--days", type=int, default=DEFAULT_DAYS, help=f"default {DEFAULT_DAYS}")
        parser.add_argument("--forever", action="store_true", help="it never ends, where that is allowed")

    def handle(self, *args: Any, name: str, team: str, user: str, **options: Any) -> None:
        maker = Actor(user_of(COMMAND, user), "command")
        found = team_of(COMMAND, team)
        token, text = token_issue(
            actor=maker,
            team=found,
            name=name,
            role=Role(options["role"]) if options["role"] else None,
            networks=options["network"] or (),
            days=None if options["forever"] else options["days"],
            **rights_given(options),
        )
        until = f"until {token.expires_at:%Y-%m-%d}" if token.expires_at else "for ever"
        self.say(f"{', '.join(token.scopes)} in {found}, {until}. It is shown only now:")
        told = {
            "id": token.key_id,
            "scopes": token.scopes,
            "team": found.name,
            "expires_at": token.expires_at,
        }
        self.tell(text, token=text, **told)
