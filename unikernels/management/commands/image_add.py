"""Add an image to a team."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.models import Role
from unikernels.api.images import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.files import open_binary
from unikernels.images.services import image_add


class Command(OperatorCommand):
    """The digest on stdout is what ``deploy`` and the API take."""

    help = "Add a Solo5 image (plain or compressed with zlib) to a team."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("image", type=Path, metavar="IMAGE")
        parser.add_argument("--team", required=True)
        parser.add_argument("--name", help="to show instead of the file's name")

    def act(self, options: dict[str, Any]) -> int:
        team = team_of(COMMAND, options["team"], Role.DEPLOYER)
        path = options["image"]
        with open_binary(path) as file:
            copy = image_add(actor=COMMAND, team=team, file=file, name=options["name"] or path.name)
        if self.output.json:
            self.output.data(show(copy))
            return SUCCEEDED
        devices = ", ".join(f"{name} ({kind})" for name, kind in copy.image.devices) or "none"
        self.output.talk(f"{copy.name}: {copy.image.target}, {copy.image.size} bytes, devices: {devices}")
        self.output.line(copy.image.digest)
        return SUCCEEDED
