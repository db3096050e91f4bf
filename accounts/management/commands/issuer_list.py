"""``manage.py issuer_list``: the servers that vouch for workflows."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import ServiceCommand, print_json
from accounts.publishers.api import show_issuer
from accounts.publishers.models import Issuer


class Command(ServiceCommand):
    """Lists issuers by name."""

    help = "List the issuers of identities that are trusted here."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array on stdout")

    def handle(self, *args: Any, json: bool, **_: Any) -> None:
        rows = list(Issuer.objects.all())
        if json:
            print_json(self.stdout, [show_issuer(row) for row in rows])
            return
        for row in rows:
            self.stdout.write(f"{row.name}  {row.kind}  {row.url}  {', '.join(row.algorithms)}")
