"""Ask for more."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from unikernels.access import instance_of
from unikernels.api.quota_requests import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.plans import tell_rehearsal
from unikernels.quotas.requests import quota_ask


class Command(OperatorCommand):
    """The superusers are told by mail."""

    help = "Ask the superusers to let a team use as much of an instance, in all."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("team")
        parser.add_argument("instance", nargs="?", help="left out: wherever there is room")
        parser.add_argument("--unikernels", type=int, required=True, help="how many")
        parser.add_argument("--memory", type=int, required=True, metavar="MB")
        parser.add_argument("--block", type=int, metavar="MB", help="left out: no block devices")
        parser.add_argument("--why", required=True, help="the superusers read it")
        parser.add_argument("--dry-run", action="store_true", help="only tell the plan")

    def act(self, options: dict[str, Any]) -> int:
        name = options["instance"]
        wanted: dict[str, Any] = {
            "actor": COMMAND,
            "team": team_of(COMMAND, options["team"]),
            "instance": instance_of(COMMAND, name) if name else None,
            **{field: options[field] for field in ("unikernels", "memory", "block", "why")},
        }
        if options["dry_run"]:
            step = f"Ask the superusers for more for {options['team']}."
            return tell_rehearsal(lambda: quota_ask(**wanted), self.output, step)
        request = quota_ask(**wanted)
        if self.output.json:
            self.output.data(show(request))
        else:
            self.output.line(f"request {request.pk}: {request}")
        return SUCCEEDED
