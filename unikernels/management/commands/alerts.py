"""List what fires, and what was over."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from unikernels.alerts.models import Alert
from unikernels.alerts.services import alerts_of
from unikernels.api.alerts import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import age, toned

NEWEST = 50


class Command(OperatorCommand):
    """What goes on, or with ``--all`` what is over too."""

    help = "List the alerts that are open, newest first."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team")
        parser.add_argument("--all", action="store_true", help="also what is over")
        parser.add_argument(
            "--limit", type=int, default=NEWEST, help="how many at most (default: %(default)s)"
        )

    def act(self, options: dict[str, Any]) -> int:
        rows = alerts_of(COMMAND).select_related("team", "instance")
        if options["team"]:
            rows = rows.filter(team=team_of(COMMAND, options["team"]))
        if not options["all"]:
            rows = rows.filter(resolved_at=None)
        found = list(rows.order_by("-id")[: max(1, options["limit"])])
        if self.output.json:
            self.output.data([show(alert) for alert in found])
        else:
            self.output.table(("ID", "RULE", "TEAM", "STATE", "SINCE", "WHAT"), map(_row, found))
        return SUCCEEDED


def _row(alert: Alert) -> tuple[Any, ...]:
    over = alert.resolved_at is not None
    return (
        str(alert.pk),
        alert.rule,
        alert.team.name if alert.team else "",
        toned("over" if over else "open", "idle" if over else "bad"),
        age(alert.fired_at),
        alert.title,
    )
