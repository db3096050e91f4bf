"""``manage.py publisher_add OWNER/NAME --team TEAM …``: trust a workflow."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import team_of, user_of
from accounts.actors import COMMAND, Actor
from accounts.management.base import ServiceCommand, add_rights_options, rights_given
from accounts.publishers.api import show_publisher
from accounts.publishers.services import issuer_named, publisher_add


class Command(ServiceCommand):
    """Adds a trusted publisher in the name of an owner of the team."""

    help = "Trust a workflow to act for a team, in the name of one of its owners. Stdout is its number."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("repository", help="owner/name, for people")
        parser.add_argument("--team", required=True)
        parser.add_argument("--user", required=True, metavar="EMAIL", help="an owner of the team")
        parser.add_argument("--issuer", default="github", metavar="NAME", help="default github")
        parser.add_argument("--repository-id", required=True, metavar="NUMBER")
        parser.add_argument("--owner-id", required=True, metavar="NUMBER")
        parser.add_argument("--workflow", required=True, metavar="FILE", help="such as deploy.yml")
        parser.add_argument("--ref", default="refs/heads/main", help="a pattern; default refs/heads/main")
        parser.add_argument("--environment", default="", help="default: any")
        parser.add_argument("--event", action="append", help="default: all that strangers cannot cause")
        add_rights_options(parser)

    def handle(self, *args: Any, repository: str, **options: Any) -> None:
        publisher = publisher_add(
            actor=Actor(user_of(COMMAND, options["user"]), "command"),
            team=team_of(COMMAND, options["team"]),
            issuer=issuer_named(options["issuer"]),
            repository=repository,
            repository_id=options["repository_id"],
            owner_id=options["owner_id"],
            workflow=options["workflow"],
            ref=options["ref"],
            environment=options["environment"],
            events=options["event"],
            **rights_given(options),
        )
        self.say(f"{publisher} may {', '.join(publisher.scopes)} in {publisher.team}.")
        self.tell(str(publisher.pk), **show_publisher(publisher))
