"""List what is frozen."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from unikernels.api.freezes import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.output import age
from unikernels.models import Freeze


class Command(OperatorCommand):
    """``freeze`` and ``unfreeze`` are the switches."""

    help = "List the freezes: whose automatic upgrades wait, since when and why."

    def describe(self, parser: ArgumentParser) -> None:
        """Nothing to choose."""

    def act(self, options: dict[str, Any]) -> int:
        found = [show(freeze) for freeze in Freeze.objects.select_related("team", "by").order_by("id")]
        if self.output.json:
            self.output.data(found)
        else:
            self.output.table(("WHOSE", "SINCE", "BY", "REASON"), map(_row, found))
        return SUCCEEDED


def _row(freeze: dict[str, Any]) -> tuple[Any, ...]:
    return freeze["team"] or "(everybody)", age(freeze["since"]), freeze["by"], freeze["reason"]
