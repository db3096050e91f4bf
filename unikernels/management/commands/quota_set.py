"""Grant a quota."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.models import Quota
from mollymawk.rest.plans import plan
from unikernels.access import instance_of
from unikernels.api.quotas import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import clean
from unikernels.commands.plans import tell
from unikernels.quotas.consequences import consequences
from unikernels.quotas.services import policy_columns, policy_of, quota_grant


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

        parser.add_argument("--dry-run", action="store_true", help="only tell what it would mean")

    def act(self, options: dict[str, Any]) -> int:
        team, instance = team_of(COMMAND, options["team"]), instance_of(COMMAND, options["instance"])
        policy = policy_of(
            options["unikernels"], options["memory"], options["block"], options["cpu"], options["bridge"]
        )
        if options["dry_run"]:
            told = consequences(team=team, instance=instance, policy=policy)
            return tell(plan(f"Grant {team} this on {instance}.", **told._asdict()), self.output)
        quota = quota_grant(actor=COMMAND, team=team, instance=instance, **policy_columns(policy))
        if self.output.json:
            self.output.data(show(quota))
        elif quota.state == Quota.State.APPLIED:
            self.output.line(f"{quota}: applied")
        if quota.state != Quota.State.APPLIED:
            self.output.talk(f"{quota}: pending. {clean(quota.problem)}", style="yellow")
        return SUCCEEDED
