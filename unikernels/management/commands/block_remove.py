"""Remove a block device."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.blocks.services import block_remove, check_block_remove
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.find import add_block, named_block
from unikernels.commands.plans import tell_rehearsal


class Command(OperatorCommand):
    """Nobody can bring back what was on it."""

    help = "Remove a block device and what is on it. One in use is refused."

    def describe(self, parser: ArgumentParser) -> None:
        add_block(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")
        parser.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")

    def act(self, options: dict[str, Any]) -> int:
        block = named_block(options)
        name = str(block)
        step = f"Remove {name} and its {block.size:,} MB of data."
        if options["dry_run"]:
            return tell_rehearsal(lambda: check_block_remove(actor=COMMAND, block=block), self.output, step)
        self.confirm(f"Remove {name} on {block.instance} and its {block.size:,} MB?", yes=options["yes"])
        block_remove(actor=COMMAND, block=block)
        if self.output.json:
            self.output.data({"removed": name})
        else:
            self.output.line(f"{name} is removed.")
        return SUCCEEDED
