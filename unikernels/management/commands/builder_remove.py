"""Remove a builder."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.builds.services import builder_named, builder_remove
from unikernels.commands.base import SUCCEEDED, OperatorCommand


class Command(OperatorCommand):
    """Refused while a version comes from it."""

    help = "Forget a builder-web server and what it told. What was taken from it stays where it runs."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def act(self, options: dict[str, Any]) -> int:
        builder = builder_named(COMMAND, options["name"])
        self.confirm(f"Forget {builder.name} at {builder.url}?", yes=options["yes"])
        name = builder.name
        builder_remove(actor=COMMAND, builder=builder)
        if self.output.json:
            self.output.data({"removed": name})
        else:
            self.output.line(f"{name} is forgotten.")
        return SUCCEEDED
