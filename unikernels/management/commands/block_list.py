"""List block devices."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from unikernels.access import blocks_of, instance_of
from unikernels.api.blocks import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand


class Command(OperatorCommand):
    """As last seen on the instances."""

    help = "List block devices, as last seen on the instances."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team")
        parser.add_argument("--instance")

    def act(self, options: dict[str, Any]) -> int:
        rows = blocks_of(COMMAND)
        if options["team"]:
            rows = rows.filter(team=team_of(COMMAND, options["team"]))
        if options["instance"]:
            rows = rows.filter(instance=instance_of(COMMAND, options["instance"]))
        told = [show(block) for block in rows]
        if self.output.json:
            self.output.data(told)
        else:
            self.output.table(("BLOCK", "INSTANCE", "TEAM", "MB", "USE"), map(_row, told))
        return SUCCEEDED


def _row(block: dict[str, Any]) -> tuple[Any, ...]:
    use = "in use" if block["active"] else "free"
    return block["full_name"], block["instance"], block["team"], str(block["size"]), use
