"""``manage.py user_add EMAIL``: somebody who may log in at once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand, add_password_option, read_password
from accounts.services import user_add


class Command(ServiceCommand):
    """Adds an active person with a personal team; the first superuser comes this way."""

    help = (
        "Add a person who may log in, with a personal team. The password is asked for or read, never given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--superuser", action="store_true", help="may do everything")
        add_password_option(parser)

    def handle(self, *args: Any, email: str, superuser: bool, password_file: str | None, **_: Any) -> None:
        password = read_password(password_file)
        user = user_add(actor=COMMAND, email=email, password=password, superuser=superuser)
        text = f"{user} may log in; personal team: {user.personal_team}."
        self.tell(text, email=user.email, team=str(user.personal_team))
