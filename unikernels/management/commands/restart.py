"""Restart a unikernel."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.commands.base import OperatorCommand
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.following import add_waiting, finish
from unikernels.commands.plans import tell_rehearsal
from unikernels.operations.services import restart


class Command(OperatorCommand):
    """The same again."""

    help = "Restart a unikernel and see that it stays up."

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")
        add_waiting(parser)

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        if options["dry_run"]:
            return tell_rehearsal(
                lambda: restart(actor=COMMAND, unikernel=unikernel), self.output, f"Restart {unikernel}."
            )
        operation = restart(actor=COMMAND, unikernel=unikernel)
        self.output.talk(f"operation {operation.pk}: restart {unikernel}")
        return finish(operation, self.output, options)
