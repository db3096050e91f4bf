"""Read the console of a unikernel."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from unikernels.api.consoles import show
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.find import add_unikernel, named_unikernel
from unikernels.commands.output import to_json
from unikernels.consoles.services import MAX_LINES, Line, follow, followed, history
from unikernels.models import Unikernel

NEWEST = 100
BEGINNING = "0-0"


class Command(OperatorCommand):
    """Lines on stdout, everything else on stderr. With --json each line is one JSON object."""

    help = "Read the console of a unikernel: the newest lines, with --follow also those that come."

    def describe(self, parser: ArgumentParser) -> None:
        add_unikernel(parser)
        parser.add_argument("--count", type=int, default=NEWEST, help="newest lines (default: %(default)s)")
        parser.add_argument("--follow", action="store_true", help="go on until interrupted")

    def act(self, options: dict[str, Any]) -> int:
        unikernel = named_unikernel(options)
        lines = history(unikernel, max(1, min(options["count"], MAX_LINES)))
        for line in lines:
            self._tell(line)
        if not followed(unikernel):
            self.output.talk("No watcher reads this console now: there may be more.", style="yellow")
        if options["follow"]:
            self._follow(unikernel, lines[-1].id if lines else BEGINNING)
        return SUCCEEDED

    def _follow(self, unikernel: Unikernel, after: str) -> None:
        try:
            for line in follow(unikernel, after):
                if line is not None:
                    self._tell(line)
        except KeyboardInterrupt:
            self.output.talk("")

    def _tell(self, line: Line) -> None:
        if self.output.json:
            self.output.line(to_json(show(line)))
        elif line.notice:
            self.output.talk(line.text, style="yellow")
        else:
            self.output.line(f"{line.at:%Y-%m-%d %H:%M:%S} {line.text}")
