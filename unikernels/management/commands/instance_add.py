"""Add an instance."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from accounts.actors import COMMAND
from unikernels.api.instances import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.files import read_text
from unikernels.instances.services import instance_add


class Command(OperatorCommand):
    """Asked with real commands before it is kept."""

    help = "Add an Albatross instance. It is tested first; the key is kept encrypted."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("address", help="host:port, [IPv6]:port")
        parser.add_argument("--server-ca", type=Path, required=True, help="PEM: who signed its certificate")
        parser.add_argument("--certificate", type=Path, required=True, help="PEM: the CA that it trusts")
        parser.add_argument("--key", type=Path, required=True, help="PEM: the key of that CA")
        parser.add_argument(
            "--check-network",
            action="append",
            default=[],
            metavar="CIDR",
            help="network that liveness checks may reach beside global addresses; repeat for several",
        )

    def act(self, options: dict[str, Any]) -> int:
        instance = instance_add(
            actor=COMMAND,
            name=options["name"],
            address=options["address"],
            server_ca=read_text(options["server_ca"]),
            certificate=read_text(options["certificate"]),
            key=read_text(options["key"]),
            check_networks=options["check_network"],
        )
        if self.output.json:
            self.output.data(show(instance))
        else:
            self.output.line(f"{instance.name} at {instance.address} answers and is kept.")
        return SUCCEEDED
