"""Upgrade a unikernel."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandParser

from accounts.actors import COMMAND
from mollymawk.errors import Invalid, Refused
from unikernels.access import image_of, version_of
from unikernels.commands.base import OperatorCommand
from unikernels.commands.configuration import add_configuration, changed_configuration
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.following import add_waiting, finish
from unikernels.commands.plans import tell_plan
from unikernels.commands.sources import add_build, build_is_named, named_build
from unikernels.models import Build, Image, Unikernel, Version
from unikernels.operations.services import plan_upgrade, upgrade
from unikernels.operations.services.asking import UNMANAGED


class Command(OperatorCommand):
    """To a build, an image of the team, or a version that was kept."""

    help = (
        "Upgrade a unikernel: another image in place of what runs. It goes back when that does not run or "
        "fails its checks. Exit codes: 0 succeeded, 4 refused, 6 rolled back, 7 still running, 8 aborted, "
        "9 failed."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # --version is that of the unikernel here, not that of Django.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        parser.add_argument("--latest", action="store_true", help="the newest build of the job that runs")
        parser.add_argument("--image", metavar="DIGEST", help="SHA-256 of an image of the team")
        parser.add_argument(
            "--version", "--to-version", dest="number", type=int, metavar="N", help="one that was kept"
        )
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")
        add_build(parser)
        add_configuration(parser)
        add_waiting(parser)

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        to = self._target(unikernel, options)
        base = to if isinstance(to, Version) else unikernel.current
        wanted: dict[str, Any] = {
            "actor": COMMAND,
            "unikernel": unikernel,
            "to": to,
            "configuration": changed_configuration(options, base) if base else None,
            "accept": frozenset(options["accept"]),
        }
        if options["dry_run"]:
            return tell_plan(plan_upgrade(**wanted), self.output, accepted=wanted["accept"])
        operation = upgrade(**wanted)
        self.output.talk(f"operation {operation.pk}: upgrade {unikernel}")
        return finish(operation, self.output, options)

    def _target(self, unikernel: Unikernel, options: dict[str, Any]) -> Build | Image | Version:
        image, number, latest = options["image"], options["number"], options["latest"]
        if sum((bool(image), number is not None, latest, build_is_named(options))) != 1:
            raise Invalid("Say one of --latest, --job (or --build), --image, --version.")
        if unikernel.team is None:
            raise Refused(UNMANAGED)
        if image:
            return image_of(COMMAND, unikernel.team, image.lower()).image
        if number is not None:
            return version_of(COMMAND, unikernel, number)
        return named_build(options, unikernel)
