"""Change a webhook."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.api.webhooks import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.management.commands.webhook_add import EVENTS
from unikernels.webhooks.models import Webhook
from unikernels.webhooks.services import webhook_change, webhook_of


class Command(OperatorCommand):
    """What is not named stays; its secret stays, too."""

    help = "Change a webhook: where to, what of, on or off. Its secret stays."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("webhook", type=int, help="its number; see webhook_list")
        parser.add_argument("--url", help="https://…")
        parser.add_argument(
            "--event", action="append", choices=EVENTS, metavar="EVENT", help="these in place of those it has"
        )
        parser.add_argument("--description", help="what it is for")
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument("--on", action="store_true", default=None, help="switch it on")
        switch.add_argument("--off", action="store_false", dest="on", help="switch it off")

    def act(self, options: dict[str, Any]) -> int:
        hook = webhook_of(COMMAND, options["webhook"])
        webhook_change(actor=COMMAND, hook=hook, **_wanted(hook, options))
        if self.output.json:
            self.output.data(show(hook))
        else:
            self.output.talk(f"The webhook to {hook.host} is {'on' if hook.on else 'off'}.")
        return SUCCEEDED


def _wanted(hook: Webhook, options: dict[str, Any]) -> dict[str, Any]:
    given = {"events": options["event"], **{name: options[name] for name in ("url", "description", "on")}}
    return {name: getattr(hook, name) if value is None else value for name, value in given.items()}
