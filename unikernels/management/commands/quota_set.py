"""Grant a quota."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.models import Quota
from unikernels.access import instance_of
from unikernels.api.quotas import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import clean
from unikernels.quotas.services import quota_grant


class Command(OperatorCommand):
    """Applied on the instance at once."""

    help = "Grant a team its share of an instance. The whole of it: what is left out is not granted."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("team")
        parser.add_argument("instance")
        parser.add_argument("--unikernels", type=int, required=True, help="how many")
        parser.add_argument("--memory", type=int, required=True, metavar="MB")
        parser.add_argument("--block", type=int, metavar="MB", help="left out: no block devices")
        parser.add_argument(
            "--cpu", type=int, action="append", default=[], metavar="ID", help="repeat for several"
        )
        parser.add_argument(
            "--bridge", action="append", default=[], metavar="NAME", help="repeat for several"
        )

    def act(self, options: dict[str, Any]) -> int:
        quota = quota_grant(
            actor=COMMAND,
            team=team_of(COMMAND, options["team"]),
            instance=instance_of(COMMAND, options["instance"]),
            unikernels=options["unikernels"],
            memory=options["memory"],
            block=options["block"],
            cpuids=sorted(set(options["cpu"])),
            bridges=sorted(set(options["bridge"])),
        )
        if self.output.json:
            self.output.data(show(quota))
        elif quota.state == Quota.State.APPLIED:
            self.output.line(f"{quota}: applied")
        if quota.state != Quota.State.APPLIED:
            self.output.talk(f"{quota}: pending. {clean(quota.problem)}", style="yellow")
        return SUCCEEDED
