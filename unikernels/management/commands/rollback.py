"""Roll a unikernel back."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.commands.base import OperatorCommand
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.following import add_waiting, finish
from unikernels.commands.plans import tell_plan
from unikernels.operations.services import plan_rollback, rollback


class Command(OperatorCommand):
    """While the rollback window is open; later: ``upgrade --version``."""

    help = "Put back what ran before, while the rollback window is open. Later: upgrade --version N."

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")
        add_waiting(parser)

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        if options["dry_run"]:
            return tell_plan(plan_rollback(actor=COMMAND, unikernel=unikernel), self.output)
        operation = rollback(actor=COMMAND, unikernel=unikernel)
        self.output.talk(f"operation {operation.pk}: rollback {unikernel}")
        return finish(operation, self.output, options)
