"""List requests for more."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from unikernels.access import quota_requests_of
from unikernels.api.quota_requests import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import age, toned
from unikernels.quotas.arithmetic import figures
from unikernels.quotas.models import QuotaRequest

_TONES = {"open": "warn", "granted": "ok", "declined": "bad", "withdrawn": "idle"}
NEWEST = 50


class Command(OperatorCommand):
    """What waits for an answer, or with ``--all`` what was answered too."""

    help = "List the requests for more that wait for an answer, newest first."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team")
        parser.add_argument("--all", action="store_true", help="also what was answered")
        parser.add_argument(
            "--limit", type=int, default=NEWEST, help="how many at most (default: %(default)s)"
        )

    def act(self, options: dict[str, Any]) -> int:
        rows = quota_requests_of(COMMAND)
        if options["team"]:
            rows = rows.filter(team=team_of(COMMAND, options["team"]))
        if not options["all"]:
            rows = rows.filter(state=QuotaRequest.State.OPEN)
        found = list(rows[: max(1, options["limit"])])
        if self.output.json:
            self.output.data([show(request) for request in found])
        else:
            self.output.table(("ID", "TEAM", "INSTANCE", "STATE", "ASKED", "WANTED", "WHY"), map(_row, found))
        return SUCCEEDED


def _row(request: QuotaRequest) -> tuple[Any, ...]:
    return (
        str(request.pk),
        request.team.name,
        request.instance.name if request.instance else "any",
        toned(request.state, _TONES[request.state]),
        age(request.asked_at),
        figures(request.policy()),
        request.why,
    )
