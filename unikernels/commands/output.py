"""How commands speak: tables for people, JSON for scripts, talk beside them."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.core.management.base import OutputWrapper
from django.utils import timezone
from rest_framework.utils.encoders import JSONEncoder
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

WIDTH = 1000  # columns: a table is never folded, lines stay lines for grep and cut

Cell = str | Text | None


def clean(value: object) -> str:
    """*value* as text that cannot steer a terminal: what others wrote may hold escape sequences."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))


def age(moment: datetime | None) -> str:
    """How long ago *moment* was, in one unit: ``12s``, ``3m``, ``5h``, ``9d``."""
    if moment is None:
        return "never"
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


class Output:
    """The two channels of a command."""

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper, *, json: bool, color: bool) -> None:
        self.json = json
        self._stdout, self._stderr = stdout, stderr
        self._color = color

    def data(self, value: object) -> None:
        """*value* as JSON on stdout."""
        self.line(to_json(value, indent=2))

    def line(self, text: str) -> None:
        """One line on stdout, as it is."""
        self._stdout.write(text)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """A table on stdout."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(clean(cell or "")) for cell in row))
        self._print(table)

    def facts(self, facts: Mapping[str, Cell]) -> None:
        """Names and values on stdout, one each line."""
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        for name, value in facts.items():
            table.add_row(name, value if isinstance(value, Text) else Text(clean(value or "-")))
        self._print(table)

    def talk(self, text: str, *, style: str = "", end: str = "\n") -> None:
        """Something for the person, on stderr."""
        drawn = self._drawn(Text(text, style=style), self._stderr)
        self._stderr.write(drawn.removesuffix("\n") + end, ending="")

    def _print(self, table: Table) -> None:
        """*table* without the blanks that fill its last column."""
        for line in self._drawn(table, self._stdout).splitlines():
            self._stdout.write(line.rstrip())

    def _drawn(self, what: RenderableType, stream: OutputWrapper) -> str:
        """How *what* looks on *stream*: with colours only where somebody looks and wants them."""
        wanted = self._color and not os.environ.get("NO_COLOR")
        text = io.StringIO()
        console = Console(
            file=text,
            force_terminal=bool(wanted and stream.isatty()),
            width=WIDTH,
            markup=False,
            highlight=False,
            emoji=False,
        )
        console.print(what, soft_wrap=not isinstance(what, Table))
        return text.getvalue()


def to_json(value: object, *, indent: int | None = None) -> str:
    """*value* as JSON, times as in the API."""
    return json.dumps(value, cls=JSONEncoder, indent=indent)


TONES: Mapping[str, str] = {"ok": "green", "bad": "red", "warn": "yellow", "busy": "cyan", "idle": "dim"}


def toned(text: object, tone: str) -> Text:
    """*text* in the colour of *tone*."""
    return Text(clean(text), style=TONES.get(tone, ""))
