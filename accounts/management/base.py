"""What the commands about people have in common."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.core.serializers.json import DjangoJSONEncoder
from rich.console import Console
from rich.table import Table

from accounts.scopes import Scope
from mollymawk.errors import ApplicationError

MAX_PASSWORD = 4_096  # bytes read from a file or stdin; a passphrase fits, a wrong file does not


class AnyOrder(BaseCommand):
    """Takes names and options in any order; argparse by itself refuses a name that may be left out after an option."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser


class ServiceCommand(AnyOrder):
    """A command that calls services: their errors become its last line and its exit code."""

    json = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if "--json" not in parser._option_string_actions:  # noqa: SLF001 - argparse has no public way to ask
            parser.add_argument("--json", action="store_true", help="JSON on stdout, for scripts")
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        self.json = bool(options.get("json"))
        try:
            return super().execute(*args, **options)
        except ApplicationError as error:
            details = [*error.reasons, *(text for texts in error.fields.values() for text in texts)]
            lines = [str(error), *(text for text in details if text != str(error))]
            raise CommandError("\n".join(lines), returncode=error.exit_code) from error

    def tell(self, text: str, **facts: Any) -> None:
        """One line on stdout: *text*, or *facts* as JSON for scripts."""
        self.stdout.write(json.dumps(facts, cls=DjangoJSONEncoder) if self.json else text)

    def show(self, rows: list[dict[str, str]]) -> None:
        """A list on stdout: a table for people, JSON for scripts."""
        if self.json:
            print_json(self.stdout, rows)
        else:
            self.stdout.write(table(rows), ending="")

    def say(self, text: str) -> None:
        """Tell the operator on stderr: stdout is for what another program reads."""
        self.stderr.write(text, style_func=str)


def print_json(stdout: OutputWrapper, value: Any) -> None:
    """*value* as JSON, for another program."""
    stdout.write(json.dumps(value, cls=DjangoJSONEncoder, indent=2))


def add_rights_options(parser: CommandParser) -> None:
    """``--scope`` and ``--unikernel``, each as often as wanted."""
    parser.add_argument(
        "--scope", action="append", choices=list(Scope), help="what it may be used for; reading always is"
    )
    parser.add_argument(
        "--unikernel", action="append", metavar="NAME", help="only this one, even if it is not there yet"
    )


def rights_given(options: Mapping[str, Any]) -> dict[str, Any]:
    """What those options say, for a service."""
    return {"scopes": options["scope"], "unikernels": options["unikernel"]}


def table(rows: list[dict[str, str]]) -> str:
    """*rows* for people, under the names of their members."""
    heads = [name.replace("_", " ").capitalize() for name in (rows[0] if rows else {})]
    found = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        found.add_row(*row.values())
    console = Console()
    with console.capture() as capture:
        console.print(found)
    return capture.get()


def add_password_option(parser: CommandParser) -> None:
    """``--password-file``; never an argument, which every user of the machine could read."""
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help="first line of FILE is the password (- : stdin); asked for when not given",
    )


def read_password(path: str | None) -> str:
    """The password: from the file, from a pipe, or asked for twice. ``CommandError`` when there is none."""
    if path and path != "-":
        password = _first_line_of(Path(path))
    elif path == "-" or not sys.stdin.isatty():
        password = sys.stdin.readline(MAX_PASSWORD).rstrip("\r\n")
    else:
        password = getpass.getpass("Password: ")
        if password != getpass.getpass("Again: "):
            raise CommandError("The two passwords differ.", returncode=2)
    if not password:
        raise CommandError("The password is empty.", returncode=2)
    return password


def _first_line_of(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline(MAX_PASSWORD).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"Cannot read a password from {path}: {error}", returncode=2) from error
