"""``manage.py issuer_remove NAME``: trust an issuer no more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.publishers.services import issuer_named, issuer_remove


class Command(ServiceCommand):
    """Removes an issuer that no publisher names."""

    help = "Trust an issuer no more. Refused while publishers name it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **_: Any) -> None:
        issuer_remove(actor=COMMAND, issuer=issuer_named(name))
        self.tell(f"{name} is trusted no more.", removed=name)
