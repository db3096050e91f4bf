"""``manage.py second_factor_reset EMAIL``: for somebody who lost phone, keys and recovery codes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import user_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.services import second_factors_remove


class Command(ServiceCommand):
    """Removes somebody's second factors and ends their sessions."""

    help = "Remove all second factors of a person who lost them. The password alone lets them in then."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **_: Any) -> None:
        user = user_of(COMMAND, email)
        kinds = second_factors_remove(actor=COMMAND, user=user)
        what = f"removed: {', '.join(kinds)}" if kinds else "none was there"
        self.tell(f"Second factors of {user}: {what}. Sessions have ended.", email=user.email, removed=kinds)
