"""Delete a team."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from mollymawk.rest.plans import plan
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.leaving import add_leaving, tell_left, told
from unikernels.commands.plans import tell
from unikernels.leaving.services import team_delete, team_plan


class Command(OperatorCommand):
    """Refused while something of it is on an instance."""

    help = "Delete a team with its images, tokens, quotas and the records of its unikernels."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("team")
        add_leaving(parser)

    def act(self, options: dict[str, Any]) -> int:
        team, leave = team_of(COMMAND, options["team"]), options["leave"]
        found = team_plan(actor=COMMAND, team=team, leave=leave)
        if options["dry_run"] or found.refusals:
            return tell(plan(*found.steps, refusals=found.refusals, warnings=found.warnings), self.output)
        told(found, self.output)
        self.confirm(f"Delete the team {team}?", yes=options["yes"])
        tell_left(f"Team {team} is deleted.", team_delete(actor=COMMAND, team=team, leave=leave), self.output)
        return SUCCEEDED
