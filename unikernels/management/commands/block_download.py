"""Read the content of a block device."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from accounts.actors import COMMAND
from mollymawk.errors import ApplicationError, Invalid
from unikernels.blocks.files import file_open, operation_file
from unikernels.blocks.transfers import block_download, check_transfer
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.files import create_binary
from unikernels.commands.find import add_block, named_block
from unikernels.commands.following import add_waiting, finish
from unikernels.commands.plans import tell_rehearsal
from unikernels.models import Operation


class Command(OperatorCommand):
    """Nothing can be started with the device until it is read."""

    help = "Read the content of a block device into a file here, and with --output into one of yours."

    def describe(self, parser: ArgumentParser) -> None:
        add_block(parser)
        parser.add_argument("--output", type=Path, metavar="FILE", help="a new file to write it to")
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")
        add_waiting(parser)

    def act(self, options: dict[str, Any]) -> int:
        block, output = named_block(options), options["output"]
        if output and not options["wait"]:
            raise Invalid("--output needs the end of the transfer: leave --no-wait out.")
        if output and output.exists():
            raise Invalid(f"{output} is there already: it is not overwritten.")
        if options["dry_run"]:
            step = f"Read the {block.size:,} MB of {block} into a file here."
            return tell_rehearsal(lambda: check_transfer(actor=COMMAND, block=block), self.output, step)
        operation = block_download(actor=COMMAND, block=block)
        self.output.talk(f"operation {operation.pk}: download of {block}")
        code = finish(operation, self.output, options)
        if output and code == SUCCEEDED:
            self._write(Operation.objects.get(pk=operation.pk), output)
        return code

    def _write(self, operation: Operation, path: Path) -> None:
        file = operation_file(operation)
        if file is None:
            raise ApplicationError("The file was removed meanwhile: ask again.")
        pieces, size = file_open(actor=COMMAND, file=file)
        with create_binary(path) as opened:
            opened.writelines(pieces)
        self.output.talk(f"{size:,} bytes are in {path} (SHA-256 {file.sha256}).")
