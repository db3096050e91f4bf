"""Write a backup."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from unikernels.backup.services import backup
from unikernels.commands.backups import tell_backup
from unikernels.commands.base import OperatorCommand


class Command(OperatorCommand):
    """The keys are not in it."""

    help = (
        "Write the database and the images to one new file, while everything works on. ENCRYPTION_KEYS and "
        "TOKEN_PEPPERS are not in it: keep them elsewhere."
    )

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--without-block-files",
            action="store_true",
            help="leave out the contents of block devices that are kept for a while",
        )

    def act(self, options: dict[str, Any]) -> int:
        manifest = backup(options["file"], block_files=not options["without_block_files"])
        return tell_backup(manifest, self.output, f"{options['file']} is written.")
