"""Look at an instance now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.access import instance_of
from unikernels.api.instances import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.instances.services import instance_retry


class Command(OperatorCommand):
    """``instance_check`` asks in this process; this has the watcher ask."""

    help = "Have an instance asked now instead of at its next turn: the pauses after failures begin anew."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def act(self, options: dict[str, Any]) -> int:
        instance = instance_of(COMMAND, options["name"])
        instance_retry(actor=COMMAND, instance=instance)
        if self.output.json:
            self.output.data(show(instance_of(COMMAND, instance.name)))
        else:
            self.output.line(f"{instance.name} is asked now.")
        return SUCCEEDED
