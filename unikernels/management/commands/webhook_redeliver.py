"""Send deliveries again."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from mollymawk.errors import Invalid, Missing
from unikernels.api.webhooks import show_delivery
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.webhooks.models import Delivery
from unikernels.webhooks.services import redeliver, webhook_of


class Command(OperatorCommand):
    """One by its number, or all that were given up of a webhook."""

    help = "Send a delivery again, or all that were given up of a webhook."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("delivery", type=int, nargs="?", help="see webhook_list --deliveries")
        parser.add_argument("--given-up-of", type=int, metavar="WEBHOOK", help="all that were given up")

    def act(self, options: dict[str, Any]) -> int:
        again = [redeliver(actor=COMMAND, delivery=found) for found in _named(options)]
        if self.output.json:
            self.output.data([show_delivery(delivery) for delivery in again])
        else:
            self.output.talk(f"Sent again within seconds: {len(again)}.")
        return SUCCEEDED


def _named(options: dict[str, Any]) -> list[Delivery]:
    one, all_of = options["delivery"], options["given_up_of"]
    if (one is None) == (all_of is None):
        raise Invalid("Name a delivery, or a webhook with --given-up-of.")
    rows = Delivery.objects.select_related("webhook__team")
    if all_of is not None:
        hook = webhook_of(COMMAND, all_of)
        return list(rows.filter(webhook=hook, state=Delivery.State.GIVEN_UP).order_by("pk"))
    if not (found := list(rows.filter(pk=one))):
        raise Missing("There is no such delivery; they are kept for 30 days.")
    return found
