"""Dismiss a unikernel that is missing."""

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
from unikernels.inventory.services import dismiss


class Command(OperatorCommand):
    """Nothing is done to it: it counts as stopped, and its versions are kept."""

    help = "Dismiss a unikernel that is missing and may stay so: it counts as stopped, and is no problem any more."

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        let_go = partial(dismiss, actor=COMMAND, unikernel=unikernel)
        if options["dry_run"]:
            return tell_rehearsal(let_go, self.output, f"Dismiss {unikernel}.")
        let_go()
        if self.output.json:
            self.output.data(detail(COMMAND, unikernel_of(COMMAND, unikernel.pk)))
        else:
            self.output.line(f"{unikernel} is dismissed.")
        return SUCCEEDED
