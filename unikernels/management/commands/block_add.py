"""Create a block device."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.models import Role
from unikernels.access import instance_of
from unikernels.api.blocks import show
from unikernels.blocks.services import block_add, check_block_add
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.plans import tell_rehearsal


class Command(OperatorCommand):
    """Within the quota."""

    help = "Create a block device, filled with zeros, within the quota of its team."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("instance")
        parser.add_argument("size", type=int, metavar="MB")
        parser.add_argument("--team", required=True)
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")

    def act(self, options: dict[str, Any]) -> int:
        wanted: dict[str, Any] = {
            "actor": COMMAND,
            "team": team_of(COMMAND, options["team"], Role.DEPLOYER),
            "instance": instance_of(COMMAND, options["instance"]),
            "name": options["name"],
            "megabytes": options["size"],
        }
        if options["dry_run"]:
            step = f"Create block device {options['name']} of {options['size']} MB on {options['instance']}."
            return tell_rehearsal(lambda: check_block_add(**wanted), self.output, step)
        block = block_add(**wanted)
        if self.output.json:
            self.output.data(show(block))
        else:
            self.output.line(f"{block} of {block.size} MB is on {block.instance}.")
        return SUCCEEDED
