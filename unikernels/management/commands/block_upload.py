"""Replace the content of a block device."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from accounts.actors import COMMAND
from mollymawk.errors import Refused
from unikernels.blocks.files import file_receive, measured
from unikernels.blocks.packing import Packing
from unikernels.blocks.transfers import block_upload, check_transfer, plan_block_upload
from unikernels.commands.base import OperatorCommand
from unikernels.commands.files import open_binary, pieces_of
from unikernels.commands.find import add_block, named_block
from unikernels.commands.following import add_waiting, finish
from unikernels.commands.plans import tell_sentences
from unikernels.models import Block, BlockFile


class Command(OperatorCommand):
    """The file is measured before the instance hears of it."""

    help = "Replace the content of a block device by that of a file; the rest is filled with zeros."

    def describe(self, parser: ArgumentParser) -> None:
        add_block(parser)
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--dump-first", action="store_true", help="keep the old content as a file here")
        parser.add_argument("--verify", action="store_true", help="read it again afterwards and compare")
        packings = [packing.value for packing in Packing]
        parser.add_argument("--packing", choices=packings, default=Packing.AUTO.value)
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")
        parser.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")
        add_waiting(parser)

    def act(self, options: dict[str, Any]) -> int:
        block, path = named_block(options), options["file"]
        check_transfer(actor=COMMAND, block=block)
        chosen = {"dump_first": options["dump_first"], "verify": options["verify"]}
        if options["dry_run"]:
            return tell_sentences(lambda: _plan(block, path, options["packing"], chosen), self.output)
        kept = "is kept here first" if options["dump_first"] else "is lost"
        self.confirm(
            f"Replace what is on {block} on {block.instance}? Its old content {kept}.", yes=options["yes"]
        )
        assert block.team is not None  # or it would have been refused
        with open_binary(path) as opened:
            file = file_receive(
                actor=COMMAND,
                team=block.team,
                name=path.name,
                pieces=pieces_of(opened),
                packing=Packing(options["packing"]),
                room=block.capacity,
            )
        operation = block_upload(actor=COMMAND, block=block, file=file, **chosen)
        self.output.talk(f"operation {operation.pk}: upload to {block}")
        return finish(operation, self.output, options)


def _plan(block: Block, path: Path, packing: str, chosen: dict[str, bool]) -> list[str]:
    if block.team is None:
        raise Refused(f"{block} belongs to no team.")
    with open_binary(path) as opened:
        size = measured(path.name, pieces_of(opened), packing=Packing(packing), room=block.capacity)
    file = BlockFile(team=block.team, name=path.name, size=size)
    return plan_block_upload(actor=COMMAND, block=block, file=file, **chosen)
