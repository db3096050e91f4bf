"""Change a builder."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from accounts.actors import COMMAND
from mollymawk.errors import Invalid
from unikernels.api.builders import show_builder
from unikernels.builds.services import builder_change, builder_named
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.files import read_text


class Command(OperatorCommand):
    """What is left out stays as it is."""

    help = "Change a builder-web server; then it is asked anew."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("builder")
        parser.add_argument("--name", help="what it is to be called")
        parser.add_argument("--url", help="as https://builds.robur.coop, without a path")
        parser.add_argument("--ca", type=Path, help="PEM: the CA of its certificate, when not a public one")

    def act(self, options: dict[str, Any]) -> int:
        builder = builder_named(COMMAND, options["builder"])
        given = {name: options[name] for name in ("name", "url") if options[name]}
        if options["ca"]:
            given["ca"] = read_text(options["ca"])
        if not given:
            raise Invalid("Say what to change.")
        changed = builder_change(actor=COMMAND, builder=builder, **given)
        if self.output.json:
            self.output.data(show_builder(changed))
        else:
            self.output.line(f"{changed.name} at {changed.url} is changed.")
        return SUCCEEDED
