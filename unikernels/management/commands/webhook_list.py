"""List webhooks, or what was sent to one."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from unikernels.api.webhooks import show, show_whole
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import Cell, age, toned
from unikernels.webhooks.models import Delivery, Webhook
from unikernels.webhooks.services import webhook_of, webhooks_of

NEWEST = 50
_TONES = {"waiting": "busy", "delivered": "ok", "given-up": "bad"}


class Command(OperatorCommand):
    """Without ``--deliveries`` the webhooks, with it the newest deliveries of one."""

    help = "List webhooks, or with --deliveries what was sent to one, newest first."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team")
        parser.add_argument("--deliveries", type=int, metavar="WEBHOOK", help="what was sent to this one")
        parser.add_argument(
            "--limit", type=int, default=NEWEST, help="how many deliveries at most (default: %(default)s)"
        )

    def act(self, options: dict[str, Any]) -> int:
        if options["deliveries"] is not None:
            self._deliveries(webhook_of(COMMAND, options["deliveries"]), max(1, options["limit"]))
        else:
            self._webhooks(options["team"])
        return SUCCEEDED

    def _webhooks(self, team: str | None) -> None:
        rows = webhooks_of(COMMAND)
        if team:
            rows = rows.filter(team=team_of(COMMAND, team))
        if self.output.json:
            self.output.data([show(hook) for hook in rows])
        else:
            self.output.table(("ID", "TEAM", "RECEIVER", "STATE", "EVENTS", "FOR"), map(_webhook, rows))

    def _deliveries(self, hook: Webhook, limit: int) -> None:
        rows = hook.deliveries.prefetch_related("attempts")[:limit]
        if self.output.json:
            self.output.data([show_whole(delivery) for delivery in rows])
        else:
            self.output.table(
                ("ID", "EVENT", "STATE", "TRIES", "WRITTEN", "LAST ANSWER"), map(_delivery, rows)
            )


def _webhook(hook: Webhook) -> tuple[Cell, ...]:
    failing = hook.failing_since is not None
    state = toned("failing" if failing else "on", "warn" if failing else "ok")
    shown = state if hook.on else toned("off", "bad" if hook.off_reason else "idle")
    return (str(hook.pk), hook.team.name, hook.host, shown, str(len(hook.events)), hook.description)


def _delivery(delivery: Delivery) -> tuple[Cell, ...]:
    attempts = list(delivery.attempts.all())
    last = attempts[-1].trouble or str(attempts[-1].status) if attempts else ""
    return (
        str(delivery.pk),
        delivery.kind,
        toned(delivery.state, _TONES[delivery.state]),
        str(len(attempts)),
        age(delivery.created_at),
        last,
    )
