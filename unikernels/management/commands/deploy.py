"""Deploy a unikernel from an image file, or from a build."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.models import Role, Team
from mollymawk.errors import Invalid
from unikernels.access import image_of, instance_of
from unikernels.commands.base import OperatorCommand
from unikernels.commands.configuration import add_configuration, given_configuration
from unikernels.commands.files import open_binary
from unikernels.commands.following import add_waiting, finish
from unikernels.commands.plans import tell_plan
from unikernels.commands.sources import add_build, build_is_named, named_build
from unikernels.images.services import image_add
from unikernels.models import Build, Image, TeamImage
from unikernels.operations.services import deploy, plan_deploy


class Command(OperatorCommand):
    """Adds the image to the team (a build is downloaded by the operation), asks for the deploy, and waits for its end."""

    help = "Deploy a unikernel. The exit code tells how it ended: 0 succeeded, 4 refused, 7 still running, 9 failed."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "image", metavar="IMAGE", nargs="?", help="a file, or the SHA-256 of an image of the team"
        )
        parser.add_argument("--team", required=True)
        parser.add_argument("--instance", required=True)
        parser.add_argument("--name", required=True, help="of the unikernel")
        parser.add_argument(
            "--dry-run", action="store_true", help="only tell the plan; the image is kept, though"
        )
        add_build(parser)
        add_configuration(parser)
        add_waiting(parser)

    def act(self, options: dict[str, Any]) -> int:
        team = team_of(COMMAND, options["team"], Role.DEPLOYER)
        instance = instance_of(COMMAND, options["instance"])
        configuration = given_configuration(options)
        wanted: dict[str, Any] = {
            "actor": COMMAND,
            "team": team,
            "instance": instance,
            "name": options["name"],
            "image": self._source(team, options),
            "configuration": configuration,
            "accept": frozenset(options["accept"]),
        }
        if options["dry_run"]:
            return tell_plan(plan_deploy(**wanted), self.output, accepted=wanted["accept"])
        operation = deploy(**wanted)
        self.output.talk(f"operation {operation.pk}: deploy {operation.unikernel} on {instance}")
        return finish(operation, self.output, options)

    def _source(self, team: Team, options: dict[str, Any]) -> Image | Build:
        if bool(options["image"]) == build_is_named(options):
            raise Invalid("Say what to deploy: an image, or --job (or --build).")
        return self._image(team, options["image"]).image if options["image"] else named_build(options)

    def _image(self, team: Team, named: str) -> TeamImage:
        path = Path(named)
        if not path.exists() and len(named) == 64:
            return image_of(COMMAND, team, named.lower())
        with open_binary(path) as file:
            copy = image_add(actor=COMMAND, team=team, file=file, name=path.name)
        self.output.talk(f"image {copy.image.digest}")
        return copy
