"""Lift a freeze of automatic upgrades."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.frozen import add_whose, whose
from unikernels.commands.plans import tell_rehearsal
from unikernels.updates.services import freeze_lift


class Command(OperatorCommand):
    """The other kind (team, system) stays."""

    help = "Lift a freeze: what is upgraded by itself goes on with its next opening."

    def describe(self, parser: ArgumentParser) -> None:
        add_whose(parser)

    def act(self, options: dict[str, Any]) -> int:
        team = whose(options)
        if options["dry_run"]:
            step = f"Let upgrades of {team or 'everybody'} go on with the next opening of each."
            return tell_rehearsal(lambda: freeze_lift(actor=COMMAND, team=team), self.output, step)
        freeze_lift(actor=COMMAND, team=team)
        if self.output.json:
            self.output.data({"unfrozen": team.name if team else None})
        else:
            self.output.line(f"Automatic upgrades of {team or 'everybody'} go on.")
        return SUCCEEDED
