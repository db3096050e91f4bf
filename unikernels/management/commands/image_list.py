"""List images."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from unikernels.access import images_of
from unikernels.api.images import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import age


class Command(OperatorCommand):
    """What was uploaded; images of builds belong to no team."""

    help = "List the images of teams, newest first."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team")
        parser.add_argument("--name", help="a part of the file name")

    def act(self, options: dict[str, Any]) -> int:
        rows = images_of(COMMAND).order_by("-id")
        if options["team"]:
            rows = rows.filter(team=team_of(COMMAND, options["team"]))
        if options["name"]:
            rows = rows.filter(name__icontains=options["name"])
        found = [show(copy) for copy in rows]
        if self.output.json:
            self.output.data(found)
        else:
            self.output.table(("DIGEST", "NAME", "TEAM", "BYTES", "TARGET", "AGE"), map(_row, found))
        return SUCCEEDED


def _row(image: dict[str, Any]) -> tuple[Any, ...]:
    size, added = str(image["size"]), age(image["added_at"])
    return image["digest"], image["name"], image["team"], size, image["target"], added
