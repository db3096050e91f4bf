"""List the files with the content of block devices, and remove one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from unikernels.api.block_files import show
from unikernels.blocks.files import file_of, file_remove, files_of
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import age
from unikernels.models import BlockFile


class Command(OperatorCommand):
    """What was sent in, and what was read from instances."""

    help = "List the files with the content of block devices that are kept here; --remove lets go of one."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team")
        parser.add_argument("--remove", type=int, metavar="ID")
        parser.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")

    def act(self, options: dict[str, Any]) -> int:
        if options["remove"] is not None:
            return self._remove(options)
        rows = files_of(COMMAND)
        if options["team"]:
            rows = rows.filter(team=team_of(COMMAND, options["team"]))
        if self.output.json:
            self.output.data([show(file) for file in rows])
        else:
            self.output.table(("ID", "NAME", "TEAM", "BYTES", "ORIGIN", "AGE"), map(_row, rows))
        return SUCCEEDED

    def _remove(self, options: dict[str, Any]) -> int:
        file = file_of(COMMAND, options["remove"])
        self.confirm(f"Remove {file.name} of {file.team.name}?", yes=options["yes"])
        told = show(file)
        file_remove(actor=COMMAND, file=file)
        if self.output.json:
            self.output.data({"removed": told})
        else:
            self.output.line(f"{told['name']} is removed.")
        return SUCCEEDED


def _row(file: BlockFile) -> tuple[Any, ...]:
    return str(file.pk), file.name, file.team.name, str(file.size), file.source, age(file.created_at)
