"""How commands speak: tables for people, JSON for scripts, talk beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import IO, cast

from django.core.management.base import OutputWrapper
from django.utils import timezone
from rest_framework.utils.encoders import JSONEncoder
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 500  # columns where nobody looks: a table in a pipe is never folded

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
        self._out = _console(stdout, color=color)
        self._err = _console(stderr, color=color)

    def data(self, value: object) -> None:
        """*value* as JSON on stdout."""
        self.line(json.dumps(value, cls=JSONEncoder, ensure_ascii=False, indent=2))

    def line(self, text: str) -> None:
        """One line on stdout, as it is."""
        self._out.print(text, soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """A table on stdout."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(clean(cell or "")) for cell in row))
        self._out.print(table)

    def facts(self, facts: Mapping[str, Cell]) -> None:
        """Names and values on stdout, one each line."""
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        for name, value in facts.items():
            table.add_row(name, value if isinstance(value, Text) else Text(clean(value or "-")))
        self._out.print(table)

    def talk(self, text: str, *, style: str = "", end: str = "\n") -> None:
        """Something for the person, on stderr."""
        self._err.print(Text(text, style=style), soft_wrap=True, end=end)


def _console(stream: OutputWrapper, *, color: bool) -> Console:
    terminal = stream.isatty()
    return Console(
        file=cast("IO[str]", stream),
        width=None if terminal else PIPE_WIDTH,
        no_color=None if color else True,
        markup=False,
        highlight=False,
        emoji=False,
    )


TONES: Mapping[str, str] = {"ok": "green", "bad": "red", "warn": "yellow", "busy": "cyan", "idle": "dim"}


def toned(text: object, tone: str) -> Text:
    """*text* in the colour of *tone*."""
    return Text(clean(text), style=TONES.get(tone, ""))
