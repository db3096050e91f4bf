"""List instances."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.actors import COMMAND
from unikernels.access import instances_of
from unikernels.api.instances import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import age, toned

_TONES = {"online": "ok", "degraded": "bad", "unknown": "idle"}


class Command(OperatorCommand):
    """What the database knows of them."""

    help = "List the instances and how they are."

    def describe(self, parser: ArgumentParser) -> None:
        """Nothing to choose."""

    def act(self, options: dict[str, Any]) -> int:
        found = [show(instance) for instance in instances_of(COMMAND).order_by("name")]
        if self.output.json:
            self.output.data(found)
        else:
            self.output.table(("NAME", "ADDRESS", "STATUS", "SEEN", "TROUBLE"), map(_row, found))
        return SUCCEEDED


def _row(instance: dict[str, Any]) -> tuple[Any, ...]:
    status = toned(instance["status"], _TONES[instance["status"]])
    trouble = ": ".join(text for text in (instance["trouble"], instance["trouble_text"]) if text)
    return instance["name"], instance["address"], status, age(instance["seen_at"]), trouble
