"""Look whether a backup is whole."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from unikernels.backup.services import check
from unikernels.commands.backups import tell_backup
from unikernels.commands.base import OperatorCommand


class Command(OperatorCommand):
    """Reads every byte."""

    help = "Read all of a backup and compare it with what it has to be. Nothing is changed."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def act(self, options: dict[str, Any]) -> int:
        return tell_backup(check(options["file"]), self.output, f"{options['file']} is whole.")
