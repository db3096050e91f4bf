"""``manage.py issuer_add NAME URL --kind github``: trust a server that vouches for workflows."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.actors import COMMAND
from accounts.management.base import ServiceCommand
from accounts.publishers.api import show_issuer
from accounts.publishers.models import Issuer, every_algorithm
from accounts.publishers.services import issuer_add


class Command(ServiceCommand):
    """Adds an issuer, which is asked for its keys first."""

    help = "Trust identities of workflows that the server at URL signs. It is asked for its keys first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("url", help="exactly as its identities name it")
        parser.add_argument("--kind", required=True, choices=Issuer.Kind.values, help="whose claims they are")
        parser.add_argument("--algorithm", action="append", choices=every_algorithm(), help="default: all")

    def handle(self, *args: Any, name: str, url: str, kind: str, **options: Any) -> None:
        algorithms = options["algorithm"]
        issuer = issuer_add(actor=COMMAND, name=name, url=url, kind=kind, algorithms=algorithms)
        self.tell(f"{issuer} is trusted: teams may name its workflows.", **show_issuer(issuer))
