"""Make a new secret for a webhook."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.api.webhooks import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.webhooks.services import OVERLAP_HOURS, webhook_of, webhook_rotate


class Command(OperatorCommand):
    """Stdout is the new secret; the former one signs too for some hours."""

    help = "Make a new secret for a webhook. Stdout is the secret, shown once; the former one signs too for a time."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("webhook", type=int, help="its number; see webhook_list")
        parser.add_argument(
            "--overlap",
            type=int,
            default=OVERLAP_HOURS,
            metavar="HOURS",
            help="in which both sign (default: %(default)s)",
        )

    def act(self, options: dict[str, Any]) -> int:
        hook = webhook_of(COMMAND, options["webhook"])
        secret = webhook_rotate(actor=COMMAND, hook=hook, overlap=options["overlap"])
        if self.output.json:
            self.output.data(show(hook) | {"signing_secret": secret})
        else:
            self.output.talk(f"The new secret of the webhook to {hook.host}. It is shown only now:")
            self.output.line(secret)
        return SUCCEEDED
