"""Remove a webhook."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.webhooks.services import webhook_of, webhook_remove


class Command(OperatorCommand):
    """Nothing more is sent there; what was sent is forgotten."""

    help = "Remove a webhook and the log of what was sent to it."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("webhook", type=int, help="its number; see webhook_list")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def act(self, options: dict[str, Any]) -> int:
        hook = webhook_of(COMMAND, options["webhook"])
        self.confirm(f"Remove the webhook of {hook.team} to {hook.host}?", yes=options["yes"])
        told = {"removed": hook.pk, "host": hook.host}
        webhook_remove(actor=COMMAND, hook=hook)
        if self.output.json:
            self.output.data(told)
        else:
            self.output.talk(f"The webhook to {hook.host} is removed.")
        return SUCCEEDED
