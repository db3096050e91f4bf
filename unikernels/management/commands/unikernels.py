"""List unikernels."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from unikernels.access import instance_of, unikernels_of
from unikernels.api.rows import columns, summary
from unikernels.builds.status import Standing
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import age, toned
from unikernels.models import Unikernel

_TONES = {"running": "ok", "missing": "bad", "stopped": "idle", "new": "busy"}

_NEWER = {standing.value for standing in Standing if standing.newer}


class Command(OperatorCommand):
    """Shows what the database knows; its age is told by the column SEEN."""

    help = "List unikernels: what was asked for, and what the instances last reported."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team")
        parser.add_argument("--instance")
        parser.add_argument("--state", choices=Unikernel.Presence.values)
        parser.add_argument("--name", help="a part of the name")

    def act(self, options: dict[str, Any]) -> int:
        rows = unikernels_of(COMMAND)
        if options["team"]:
            rows = rows.filter(team=team_of(COMMAND, options["team"]))
        if options["instance"]:
            rows = rows.filter(instance=instance_of(COMMAND, options["instance"]))
        if options["state"]:
            rows = rows.filter(state=options["state"])
        if options["name"]:
            rows = rows.filter(name__icontains=options["name"])
        found = [summary(row) for row in columns(rows).order_by("name", "id")]
        if self.output.json:
            self.output.data(found)
        else:
            titles = (
                "NAME",
                "TEAM",
                "INSTANCE",
                "STATE",
                "SINCE",
                "MEMORY",
                "CPU",
                "DIGEST",
                "SEEN",
                "MARKS",
            )
            self.output.table(titles, (_row(unikernel) for unikernel in found))
        return SUCCEEDED


def _row(unikernel: dict[str, Any]) -> tuple[Any, ...]:
    marks = [
        mark.replace("_", " ")
        for mark in ("unstable", "changed_outside", "crash_loop", "stale")
        if unikernel[mark]
    ]
    if unikernel["standing"] in _NEWER:
        marks.append("newer build")
    if operation := unikernel["operation"]:
        marks.append(f"{operation['kind']} #{operation['id']}: {operation['state']}")
    return (
        unikernel["full_name"],
        unikernel["team"] or "(unmanaged)",
        unikernel["instance"],
        toned(unikernel["state"], _TONES[unikernel["state"]]),
        age(unikernel["since"]),
        f"{unikernel['memory']} MB" if unikernel["memory"] else "",
        ",".join(map(str, unikernel["cpuids"])),
        (unikernel["digest"] or "")[:12],
        age(unikernel["seen_at"]),
        ", ".join(marks),
    )
