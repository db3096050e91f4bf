"""Bring a backup back."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from unikernels.backup.services import restore
from unikernels.commands.backups import tell_backup
from unikernels.commands.base import OperatorCommand


class Command(OperatorCommand):
    """Into a database that is empty, while nothing else runs."""

    help = (
        "Bring a backup back into an empty database (manage.py migrate makes one) and IMAGE_DIR, while no other "
        "process runs. What was under way ends as failed; nothing is upgraded by itself until that freeze is "
        "lifted."
    )

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")

    def act(self, options: dict[str, Any]) -> int:
        self.confirm(f"Bring {options['file']} back into this database?", yes=options["yes"])
        manifest = restore(options["file"])
        return tell_backup(manifest, self.output, "It is back. Look at what runs, then lift the freeze.")
