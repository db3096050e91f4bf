"""Destroy a unikernel."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.commands.base import OperatorCommand
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.following import add_waiting, finish
from unikernels.commands.plans import tell_rehearsal
from unikernels.operations.services import destroy


class Command(OperatorCommand):
    """Its versions are kept."""

    help = "Destroy a unikernel. Its versions are kept, so it can be deployed again."

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")
        parser.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")
        add_waiting(parser)

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        if options["dry_run"]:
            return tell_rehearsal(
                lambda: destroy(actor=COMMAND, unikernel=unikernel), self.output, f"Destroy {unikernel}."
            )
        self.confirm(f"Destroy {unikernel} on {unikernel.instance}?", yes=options["yes"])
        operation = destroy(actor=COMMAND, unikernel=unikernel)
        self.output.talk(f"operation {operation.pk}: destroy {unikernel}")
        return finish(operation, self.output, options)
