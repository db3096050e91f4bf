"""Tell what a unikernel used."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from unikernels.api.statistics import asked, show_used
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.statistics.grids import HOUR
from unikernels.statistics.reading import STEPS

MB = 2**20  # bytes


class Command(OperatorCommand):
    """From the database: no instance is asked."""

    help = "Tell what a unikernel used: CPU, memory, network."

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        parser.add_argument("--hours", type=float, default=1, help="how far back (default: %(default)s)")
        parser.add_argument("--step", type=int, choices=STEPS, help="seconds between two lines")

    def act(self, options: dict[str, Any]) -> int:
        unikernel, now = named_unikernel(options), int(time.time())
        begin = datetime.fromtimestamp(max(0, now - int(options["hours"] * HOUR)), UTC)
        since, step = asked({"since": begin, "step": options["step"]}, now)
        told = show_used(unikernel, since, step, now)
        if self.output.json:
            self.output.data(told)
            return SUCCEEDED
        if told["trouble"]:
            self.output.talk(told["trouble"], style="yellow")
        self.output.table(("AT", "CPU", "MEMORY", "RECEIVED", "SENT"), map(_row, told["points"]))
        return SUCCEEDED


def _row(point: dict[str, Any]) -> tuple[Any, ...]:
    return (
        f"{point['at']:%Y-%m-%d %H:%M:%S}",
        _told(point["cpu"], 0.01, "%"),
        _told(point["memory"], MB, "MB"),
        _told(point["received"], 1000, "kB/s"),
        _told(point["sent"], 1000, "kB/s"),
    )


def _told(value: float | None, of: float, unit: str) -> str:
    return "" if value is None else f"{value / of:.1f} {unit}"
