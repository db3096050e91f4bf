"""Add a builder."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from accounts.actors import COMMAND
from unikernels.api.builders import show_builder
from unikernels.builds.services import builder_add
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.files import read_text


class Command(OperatorCommand):
    """It is asked for the first time within seconds; builder_list tells how it answers."""

    help = "Add a builder-web server: images are deployed from it, and newer builds looked for there."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("url", help="as https://builds.robur.coop, without a path")
        parser.add_argument(
            "--ca", type=Path, help="PEM: who signed its certificate, if nobody else trusts it"
        )

    def act(self, options: dict[str, Any]) -> int:
        ca = read_text(options["ca"]) if options["ca"] else ""
        builder = builder_add(actor=COMMAND, name=options["name"], url=options["url"], ca=ca)
        if self.output.json:
            self.output.data(show_builder(builder))
        else:
            self.output.line(f"{builder.name} at {builder.url} is kept.")
        return SUCCEEDED
