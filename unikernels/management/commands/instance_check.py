"""Ask an instance now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.access import instance_of
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.instances.services import instance_test


class Command(OperatorCommand):
    """Two real commands: policies and unikernels."""

    help = "Ask an instance now whether it answers; nothing is changed. The exit code is 1 when it does not."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def act(self, options: dict[str, Any]) -> int:
        instance = instance_of(COMMAND, options["name"])
        found = instance_test(actor=COMMAND, instance=instance)
        if self.output.json:
            facts = {
                "unikernels": found.unikernels,
                "policies": found.policies,
                "milliseconds": found.milliseconds,
            }
            self.output.data({"name": instance.name, "address": instance.address} | facts)
        else:
            self.output.line(
                f"{instance.name} at {instance.address} answers: {found.unikernels} unikernels, "
                f"{found.policies} policies, {found.milliseconds} ms for two commands"
            )
        return SUCCEEDED
