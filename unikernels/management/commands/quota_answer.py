"""Answer a request for more."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from accounts.models import Quota
from albatross.models import Instance
from mollymawk.rest.plans import plan
from unikernels.access import instance_of, quota_request_of
from unikernels.api.quota_requests import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import clean
from unikernels.commands.plans import tell, tell_rehearsal
from unikernels.quotas.consequences import consequences
from unikernels.quotas.models import QuotaRequest
from unikernels.quotas.requests import request_decline, request_grant


class Command(OperatorCommand):
    """Whoever asked is told by mail."""

    help = "Grant a request for more as it stands, or decline it. Other figures: quota_set."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("request", type=int)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--grant", action="store_true")
        what.add_argument("--decline", metavar="WHY")
        parser.add_argument("--instance", help="when the team named none")
        parser.add_argument("--text", default="", help="goes with a grant")
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")

    def act(self, options: dict[str, Any]) -> int:
        found = quota_request_of(COMMAND, options["request"])
        if options["grant"]:
            place = instance_of(COMMAND, options["instance"]) if options["instance"] else None
            return self._grant(found, place, options)
        why = options["decline"]
        if options["dry_run"]:
            return tell_rehearsal(
                lambda: request_decline(actor=COMMAND, request=found, answer=why),
                self.output,
                f"Tell {found.asked_by or 'nobody'}: no.",
            )
        request_decline(actor=COMMAND, request=found, answer=why)
        return self._told(found)

    def _grant(self, found: QuotaRequest, place: Instance | None, options: dict[str, Any]) -> int:
        on = found.instance or place
        if options["dry_run"] and on:
            told = consequences(team=found.team, instance=on, policy=found.policy())
            return tell(plan(f"Grant {found.team} this on {on}.", **told._asdict()), self.output)
        quota = request_grant(actor=COMMAND, request=found, answer=options["text"], instance=place)
        if quota.state != Quota.State.APPLIED:
            self.output.talk(f"{quota}: pending. {clean(quota.problem)}", style="yellow")
        return self._told(found)

    def _told(self, found: QuotaRequest) -> int:
        if self.output.json:
            self.output.data(show(found))
        else:
            self.output.line(f"request {found.pk}: {found.state}")
        return SUCCEEDED
