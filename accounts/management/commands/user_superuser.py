"""``manage.py user_superuser EMAIL [--off]``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import user_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.services import superuser_set


class Command(ServiceCommand):
    """Changes who may do everything."""

    help = "Make somebody a superuser, or with --off no longer one. The last one stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--off", action="store_true")

    def handle(self, *args: Any, email: str, off: bool, **_: Any) -> None:
        user = superuser_set(actor=COMMAND, user=user_of(COMMAND, email), superuser=not off)
        word = "is a superuser" if user.is_superuser else "is no superuser"
        self.tell(f"{user} {word}.", email=user.email, superuser=user.is_superuser)
