"""List builders."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.api.builders import show_builder
from unikernels.builds.services import builders_of
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import age, toned
from unikernels.models import Builder


class Command(OperatorCommand):
    """What the polling knows of them."""

    help = "List the builder-web servers and how they answer."

    def describe(self, parser: ArgumentParser) -> None:
        """Nothing to choose."""

    def act(self, options: dict[str, Any]) -> int:
        found = list(builders_of(COMMAND))
        if self.output.json:
            self.output.data([show_builder(builder) for builder in found])
        else:
            self.output.table(("NAME", "URL", "SEEN", "TROUBLE"), map(_row, found))
        return SUCCEEDED


def _row(builder: Builder) -> tuple[Any, ...]:
    return builder.name, builder.url, age(builder.seen_at), toned(builder.trouble_text, "bad")
