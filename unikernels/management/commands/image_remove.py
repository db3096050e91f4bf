"""Remove an image from a team."""

from __future__ import annotations

from argparse import ArgumentParser
from functools import partial
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from unikernels.access import image_of
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import clean
from unikernels.commands.plans import tell_rehearsal
from unikernels.images.services import image_remove


class Command(OperatorCommand):
    """The bytes stay while a version of anybody needs them."""

    help = "Remove an image from a team; refused while a version of the team needs it."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("digest", help="SHA-256")
        parser.add_argument("--team", required=True)
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")

    def act(self, options: dict[str, Any]) -> int:
        team = team_of(COMMAND, options["team"])
        copy = image_of(COMMAND, team, options["digest"].lower())
        name, remove = copy.name, partial(image_remove, actor=COMMAND, copy=copy)
        if options["dry_run"]:
            return tell_rehearsal(remove, self.output, f"Remove {name} from {team}.")
        remove()
        if self.output.json:
            self.output.data({"removed": options["digest"].lower(), "team": team.name})
        else:
            self.output.line(f"{clean(name)} is removed from {team}.")
        return SUCCEEDED
