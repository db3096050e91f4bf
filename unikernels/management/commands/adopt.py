"""Adopt a unikernel."""

from __future__ import annotations

from argparse import ArgumentParser
from functools import partial
from typing import Any

from accounts.actors import COMMAND
from unikernels.access import unikernel_of
from unikernels.api.details import detail
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.plans import tell_rehearsal
from unikernels.inventory.services import adopt


class Command(OperatorCommand):
    """Nothing is done to it: what runs becomes its first version here."""

    help = "Take over a unikernel that was started by others, as what runs, for the team of its domain."

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        take = partial(adopt, actor=COMMAND, unikernel=unikernel)
        if options["dry_run"]:
            return tell_rehearsal(take, self.output, f"Adopt {unikernel}.")
        take()
        if self.output.json:
            self.output.data(detail(COMMAND, unikernel_of(COMMAND, unikernel.pk)))
        else:
            self.output.line(f"{unikernel} is adopted.")
        return SUCCEEDED
