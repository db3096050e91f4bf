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


class Command(OperatorCommand):
    """What the database knows of them."""

    help = "List quotas: what was granted, is used and is free."

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
            columns = ("TEAM", "INSTANCE", "STATE", "UNIKERNELS", "MEMORY MB", "BLOCKS MB", "PROBLEM")
            self.output.table(columns, map(_row, found))
        return SUCCEEDED


def _row(quota: dict[str, Any]) -> tuple[Any, ...]:
    differs = quota["observed"] is not None and quota["observed"] != quota["granted"]
    word = "changed outside" if differs and quota["state"] == "applied" else quota["state"]
    figures = (
        f"{quota['used'][name]} of {quota['granted'][name] or 0}, {quota['free'][name]} free"
        for name in ("unikernels", "memory", "block")
    )
    return (
        quota["team"],
        quota["instance"],
        toned(word, "ok" if word == "applied" else "warn"),
        *figures,
        quota["problem"],
    )
