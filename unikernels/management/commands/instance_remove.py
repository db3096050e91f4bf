"""Forget an instance."""

from __future__ import annotations

from argparse import ArgumentParser
from functools import partial
from typing import Any

from accounts.actors import COMMAND
from unikernels.access import instance_of
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.plans import tell_rehearsal
from unikernels.instances.services import instance_remove


class Command(OperatorCommand):
    """Nothing is sent to it."""

    help = "Forget an instance; what runs there goes on running. Refused while a team has something there."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")
        parser.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")

    def act(self, options: dict[str, Any]) -> int:
        instance = instance_of(COMMAND, options["name"])
        name, remove = instance.name, partial(instance_remove, actor=COMMAND, instance=instance)
        if options["dry_run"]:
            return tell_rehearsal(remove, self.output, f"Forget {name}. What runs there goes on running.")
        self.confirm(f"Forget {name}? Versions of stopped unikernels there go with it.", yes=options["yes"])
        remove()
        if self.output.json:
            self.output.data({"removed": name})
        else:
            self.output.line(f"{name} is forgotten.")
        return SUCCEEDED
