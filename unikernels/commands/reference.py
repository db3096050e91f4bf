"""All commands of ours in words, read from their parsers: for the operator, and for the document."""

from __future__ import annotations

from argparse import Action, ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.management import get_commands, load_command_class

OURS = ("accounts", "albatross", "unikernels")

# What Django gives to every command.
_OF_DJANGO = {
    "help", "version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """One command: what it does, and what it takes, as ``--team TEAM``; optional ones in brackets."""

    name: str
    help: str
    takes: tuple[str, ...]
    json: bool


def parser_of(name: str) -> ArgumentParser:
    """What reads the arguments of *name*."""
    return load_command_class(get_commands()[name], name).create_parser("manage.py", name)


def commands() -> Iterator[Told]:
    """Those of ours, by name."""
    for name in sorted(name for name, app in get_commands().items() if app in OURS):
        parser = parser_of(name)
        actions = [action for action in parser._actions if action.dest not in _OF_DJANGO]  # noqa: SLF001
        takes = tuple(_takes(action) for action in actions if action.dest != "json")
        has_json = any(action.dest == "json" for action in actions)
        yield Told(name, " ".join((parser.description or "").split()), takes, has_json)


def table() -> str:
    """All of them as a table in Markdown."""
    rows = [
        f"| `{told.name}` | {_cell(told.help)} | {_cell(' '.join(f'`{taken}`' for taken in told.takes))} "
        f"| {'yes' if told.json else ''} |"
        for told in commands()
    ]
    return "\n".join(["| command | what it does | takes | `--json` |", "|---|---|---|---|", *rows])


def _takes(action: Action) -> str:
    if not action.option_strings:
        name = str(action.metavar or action.dest.upper())
        needed = action.nargs not in {"?", "*"}
        words = f"{name}..." if action.nargs in {"+", "*"} else name
        return words if needed else f"[{words}]"
    words = max(action.option_strings, key=len)
    if action.nargs != 0:
        words += f" {_value(action)}"
    return words if action.required else f"[{words}]"


def _value(action: Action) -> str:
    if action.choices is not None and action.metavar is None:
        return "|".join(map(str, action.choices))
    name = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    return f"[{name}]" if action.nargs == "?" else name


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
