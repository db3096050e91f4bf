"""List quotas."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from unikernels.access import instance_of, quotas_of
from unikernels.api.quotas import show_all
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import toned

_TONES = {"applied": "ok", "pending": "warn"}
_PARTS = ("unikernels", "memory", "block")


class Command(OperatorCommand):
    """Granted by us; beside it what is used."""

    help = "List what teams were granted on instances, and what they use of it."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team")
        parser.add_argument("--instance")

    def act(self, options: dict[str, Any]) -> int:
        rows = quotas_of(COMMAND).order_by("team__name", "instance__name")
        if options["team"]:
            rows = rows.filter(team=team_of(COMMAND, options["team"]))
        if options["instance"]:
            rows = rows.filter(instance=instance_of(COMMAND, options["instance"]))
        found = show_all(list(rows))
        if self.output.json:
            self.output.data(found)
        else:
            self.output.table(
                ("TEAM", "INSTANCE", "STATE", "UNIKERNELS", "MEMORY", "BLOCK", "PROBLEM"), map(_row, found)
            )
        return SUCCEEDED


def _row(quota: dict[str, Any]) -> tuple[Any, ...]:
    used = (f"{quota['used'][part]} of {quota['granted'][part] or 0}" for part in _PARTS)
    return (
        quota["team"],
        quota["instance"],
        toned(quota["state"], _TONES[quota["state"]]),
        *used,
        quota["problem"],
    )
