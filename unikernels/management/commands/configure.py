"""Give a unikernel another configuration."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from mollymawk.errors import Refused
from unikernels.commands.base import OperatorCommand
from unikernels.commands.configuration import add_configuration, changed_configuration
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.following import add_waiting, finish
from unikernels.commands.plans import tell_plan
from unikernels.operations.services import configure, plan_configure
from unikernels.versions import configuration_of


class Command(OperatorCommand):
    """What is not said stays as it is."""

    help = "Configure a unikernel: the same image, with what is given changed. It goes back when that does not run."

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")
        add_configuration(parser)
        add_waiting(parser)

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        if unikernel.current is None:
            raise Refused("It was not put in place from here. Adopt it first.")
        changed = changed_configuration(options, unikernel.current)
        wanted: dict[str, Any] = {
            "actor": COMMAND,
            "unikernel": unikernel,
            "configuration": changed or configuration_of(unikernel.current),
            "accept": frozenset(options["accept"]),
        }
        if options["dry_run"]:
            return tell_plan(plan_configure(**wanted), self.output, accepted=wanted["accept"])
        operation = configure(**wanted)
        self.output.talk(f"operation {operation.pk}: configure {unikernel}")
        return finish(operation, self.output, options)
