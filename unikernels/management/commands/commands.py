"""List the commands of Mollymawk."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mollymawk.errors import Invalid
from unikernels.commands.base import SUCCEEDED, OperatorCommand
from unikernels.commands.reference import commands, table

BEGIN = "<!-- commands: begin (manage.py commands --write docs/commands.md) -->"
END = "<!-- commands: end -->"


class Command(OperatorCommand):
    """Those of Django itself are told by ``manage.py help``."""

    help = "List the commands of Mollymawk and what they take, or write the list into a document."

    def describe(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", type=Path, metavar="FILE", help="put it between its markers")

    def act(self, options: dict[str, Any]) -> int:
        if options["write"]:
            self._write(options["write"])
        elif self.output.json:
            self.output.data([asdict(told) for told in commands()])
        else:
            self.output.table(("COMMAND", "WHAT IT DOES"), ((told.name, told.help) for told in commands()))
        return SUCCEEDED

    def _write(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        if BEGIN not in text or END not in text:
            raise Invalid(f"{path} has no markers for the list of commands.")
        path.write_text(with_commands(text), encoding="utf-8")


def with_commands(text: str) -> str:
    """*text* with the present list between its markers."""
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"
