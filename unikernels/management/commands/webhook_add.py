"""Add a webhook of a team."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from unikernels.api.webhooks import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.webhooks.kinds import CHOICES
from unikernels.webhooks.services import webhook_add

EVENTS = [kind.value for kind in CHOICES]


class Command(OperatorCommand):
    """Stdout is the secret, which is kept sealed and shown only now."""

    help = "Add a webhook. Stdout is its secret, shown once."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", help="https://…")
        parser.add_argument("--team", required=True)
        parser.add_argument(
            "--event", action="append", choices=EVENTS, metavar="EVENT", help=f"of {', '.join(EVENTS)}; all"
        )
        parser.add_argument("--description", default="", help="what it is for")

    def act(self, options: dict[str, Any]) -> int:
        team = team_of(COMMAND, options["team"])
        events = options["event"] or EVENTS
        hook, secret = webhook_add(
            actor=COMMAND, team=team, url=options["url"], events=events, description=options["description"]
        )
        if self.output.json:
            self.output.data(show(hook) | {"signing_secret": secret})
        else:
            self.output.talk(f"Webhook {hook.pk} of {team} to {hook.host}. Its secret is shown only now:")
            self.output.line(secret)
        return SUCCEEDED
