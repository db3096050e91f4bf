"""``manage.py token_revoke KEY_ID``: end an API token."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.access import token_of
from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.services import token_revoke


class Command(ServiceCommand):
    """Revokes a token by its key id, the part between the underscores."""

    help = "End an API token at once. KEY_ID is the part of it between the two underscores."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key_id", metavar="KEY_ID")

    def handle(self, *args: Any, key_id: str, **_: Any) -> None:
        token = token_of(COMMAND, None, key_id)
        token_revoke(actor=COMMAND, token=token)
        self.tell(f"{token} is revoked.", revoked=token.key_id)
