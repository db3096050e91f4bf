"""Read consoles of what no longer runs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.access import instance_of
from unikernels.api.consoles import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.consoles.left import left_on, lines_left


class Command(OperatorCommand):
    """The instance is asked now, as long as it keeps them."""

    help = "List the consoles that an instance keeps of what no longer runs there, or read one."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("instance")
        parser.add_argument("name", nargs="?", metavar="DOMAIN:NAME", help="of the one to read")

    def act(self, options: dict[str, Any]) -> int:
        instance = instance_of(COMMAND, options["instance"])
        if options["name"]:
            lines = lines_left(COMMAND, instance, options["name"])
            if self.output.json:
                self.output.data([show(line) for line in lines])
            else:
                for line in lines:
                    self.output.line(f"{line.at:%Y-%m-%d %H:%M:%S} {line.text}")
            return SUCCEEDED
        found = [{"name": str(left.name), "unikernel": left.unikernel} for left in left_on(COMMAND, instance)]
        if self.output.json:
            self.output.data(found)
        else:
            self.output.table(
                ("NAME", "UNIKERNEL"), [(str(it["name"]), str(it["unikernel"] or "")) for it in found]
            )
        return SUCCEEDED
