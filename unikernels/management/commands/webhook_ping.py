"""Send a test to a webhook."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.api.webhooks import show_delivery
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.webhooks.services import webhook_of, webhook_ping


class Command(OperatorCommand):
    """A background worker sends it within seconds."""

    help = "Send a test message to a webhook. What became of it: webhook_list --deliveries."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("webhook", type=int, help="its number; see webhook_list")

    def act(self, options: dict[str, Any]) -> int:
        hook = webhook_of(COMMAND, options["webhook"])
        delivery = webhook_ping(actor=COMMAND, hook=hook)
        if self.output.json:
            self.output.data(show_delivery(delivery))
        else:
            self.output.talk(f"Sent to {hook.host} within seconds: {delivery.message}.")
        return SUCCEEDED
