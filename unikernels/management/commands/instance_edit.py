"""Change an instance."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from accounts.actors import COMMAND
from mollymawk.errors import Invalid
from unikernels.access import instance_of
from unikernels.api.instances import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.files import read_text
from unikernels.instances.services import instance_update

_TEXTS = ("server_ca", "certificate", "key")


class Command(OperatorCommand):
    """What is left out stays as it is."""

    help = "Change an instance. It is tested first when the way there changes; the key is kept encrypted."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("instance")
        parser.add_argument("--name", help="what it is to be called")
        parser.add_argument("--address", help="host:port, [IPv6]:port")
        parser.add_argument("--server-ca", type=Path, help="PEM: who signed its certificate")
        parser.add_argument("--certificate", type=Path, help="PEM: the CA that it trusts")
        parser.add_argument("--key", type=Path, help="PEM: the key of that CA")
        networks = parser.add_mutually_exclusive_group()
        networks.add_argument(
            "--check-network",
            action="append",
            metavar="CIDR",
            help="in place of all of them; repeat for several",
        )
        networks.add_argument(
            "--no-check-network", action="store_true", help="checks reach no private address"
        )

    def act(self, options: dict[str, Any]) -> int:
        instance = instance_of(COMMAND, options["instance"])
        given: dict[str, Any] = {name: read_text(options[name]) for name in _TEXTS if options[name]}
        given |= {name: options[name] for name in ("name", "address") if options[name]}
        if options["check_network"] or options["no_check_network"]:
            given["check_networks"] = options["check_network"] or []
        if not given:
            raise Invalid("Say what to change.")
        changed = instance_update(actor=COMMAND, instance=instance, **given)
        if self.output.json:
            self.output.data(show(changed))
        else:
            self.output.line(f"{changed.name} at {changed.address} is changed.")
        return SUCCEEDED
