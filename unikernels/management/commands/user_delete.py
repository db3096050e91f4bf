"""Delete an account."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import user_of
from accounts.actors import COMMAND
from mollymawk.rest.plans import plan
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.leaving import add_leaving, tell_left, told
from unikernels.commands.plans import tell
from unikernels.leaving.services import user_delete, user_plan


class Command(OperatorCommand):
    """Refused for the last superuser and the last owner of a team."""

    help = "Delete an account with its personal team. To shut somebody out for now: user_deactivate."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--heir", metavar="EMAIL", help="owns the personal team from then on")
        add_leaving(parser)

    def act(self, options: dict[str, Any]) -> int:
        user = user_of(COMMAND, options["email"])
        heir = user_of(COMMAND, options["heir"]) if options["heir"] else None
        how: dict[str, Any] = {"actor": COMMAND, "user": user, "heir": heir, "leave": options["leave"]}
        found = user_plan(**how)
        if options["dry_run"] or found.refusals:
            return tell(plan(*found.steps, refusals=found.refusals, warnings=found.warnings), self.output)
        told(found, self.output)
        self.confirm(f"Delete the account {user}?", yes=options["yes"])
        tell_left(f"The account {user} is deleted.", user_delete(**how), self.output)
        return SUCCEEDED
