"""Freeze automatic upgrades."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.api.freezes import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.frozen import add_whose, whose
from unikernels.commands.plans import tell_rehearsal
from unikernels.updates.services import freeze_set


class Command(OperatorCommand):
    """What a person asks for goes on, and so does every way back."""

    help = "Upgrade nothing by itself, of a team or of everybody. It never stops a rollback."

    def describe(self, parser: ArgumentParser) -> None:
        add_whose(parser)
        parser.add_argument("--reason", default="", help="stands in the banner on every page")

    def act(self, options: dict[str, Any]) -> int:
        team, reason = whose(options), options["reason"]
        if options["dry_run"]:
            step = f"Upgrade nothing of {team or 'anybody'} by itself."
            return tell_rehearsal(
                lambda: freeze_set(actor=COMMAND, team=team, reason=reason), self.output, step
            )
        freeze = freeze_set(actor=COMMAND, team=team, reason=reason)
        if self.output.json:
            self.output.data(show(freeze))
        else:
            self.output.line(f"Automatic upgrades of {team or 'everybody'} are frozen.")
        return SUCCEEDED
