"""``manage.py session_revoke EMAIL ID | --all``: log somebody out."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.access import session_of, user_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.services import session_end, sessions_end


class Command(ServiceCommand):
    """Ends one session of somebody, or all."""

    help = "End one session of a person (see session_list), or all of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("session", nargs="?", type=int)
        parser.add_argument("--all", action="store_true")

    def handle(self, *args: Any, email: str, session: int | None, **options: Any) -> None:
        if options["all"] == (session is not None):
            raise CommandError("Name a session, or say --all.", returncode=2)
        user = user_of(COMMAND, email)
        if session is None:
            count = sessions_end(actor=COMMAND, user=user)
        else:
            session_end(actor=COMMAND, session=session_of(COMMAND, user, session))
            count = 1
        self.tell(f"{count} of the sessions of {user} ended.", email=user.email, ended=count)
