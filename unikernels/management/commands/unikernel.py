"""Show a unikernel."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.api.details import detail
from unikernels.arguments import masked
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.output import age

_MARKS = ("unstable", "changed_outside", "crash_loop", "stale")


class Command(OperatorCommand):
    """Arguments are masked: they hold secrets, and a terminal is seen by others."""

    help = "Show a unikernel: how it stands, its checks, its way back, and what was done to it last."

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)

    def act(self, options: dict[str, Any]) -> int:
        told = _without_arguments(detail(COMMAND, named_unikernel(options)))
        if self.output.json:
            self.output.data(told)
            return SUCCEEDED
        self.output.facts(_facts(told))
        checks = [(check["name"], check["state"], age(check["since"])) for check in told["checks"]]
        self.output.table(("CHECK", "STATE", "SINCE"), checks)
        done = [
            (str(operation["id"]), operation["kind"], operation["state"], age(operation["created_at"]))
            for operation in told["operations"]
        ]
        self.output.table(("OPERATION", "KIND", "STATE", "AGE"), done)
        return SUCCEEDED


def _without_arguments(told: dict[str, Any]) -> dict[str, Any]:
    told |= {"arguments": masked(told["arguments"]), "masked": True}
    if told["configuration"]:
        told["configuration"] |= {"arguments": masked(told["configuration"]["arguments"])}
    return told


def _facts(told: dict[str, Any]) -> dict[str, str | None]:
    window, newest = told["window"], told["newest"]
    return {
        "unikernel": f"{told['full_name']} (number {told['id']}) on {told['instance']}",
        "team": told["team"] or "none: unmanaged",
        "state": f"{told['state']}, {age(told['since'])}",
        "marks": ", ".join(mark.replace("_", " ") for mark in _MARKS if told[mark]),
        "version": str(told["version"] or ""),
        "digest": told["digest"],
        "memory": f"{told['memory']} MB" if told["memory"] else None,
        "newest build": f"{newest['job']} {newest['uuid']}" if newest else None,
        "way back": f"to version {window['to']} until {window['until']:%H:%M:%S} UTC" if window else None,
        "seen": age(told["seen_at"]),
    }
