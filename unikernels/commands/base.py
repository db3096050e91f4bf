"""The frame of every command here: errors become a sentence on stderr and an exit code.

Exit codes: 0 succeeded, 1 error, 2 usage, 3 not found, 4 refused, 5 conflict, 6 rolled back,
7 still running, 8 aborted or cancelled, 9 failed.
"""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.db import IntegrityError

from accounts.management.base import AnyOrder
from mollymawk.errors import ApplicationError, Invalid
from mollymawk.gone import told
from unikernels.commands.output import Output, clean

SUCCEEDED, ERROR = 0, 1


class OperatorCommand(AnyOrder):
    """A command for operators. Data goes to stdout, talk to stderr; nothing asks without a terminal."""

    requires_system_checks = ()  # the processes check the settings; a question to the database need not
    output: Output

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.describe(parser)
        parser.add_argument("--json", action="store_true", help="JSON on stdout, for scripts")

    @abstractmethod
    def describe(self, parser: ArgumentParser) -> None:
        """Add the arguments of this command."""

    @abstractmethod
    def act(self, options: dict[str, Any]) -> int:
        """Do it; the exit code. Every ``ApplicationError`` may come out."""

    def handle(self, *args: Any, **options: Any) -> None:
        self.stderr.style_func = None  # not everything on stderr is an error
        self.output = Output(self.stdout, self.stderr, json=options["json"], color=not options["no_color"])
        try:
            code = self.act(options)
        except BrokenPipeError:  # whoever read it has seen enough (head, a pager)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = ERROR
        except (ApplicationError, IntegrityError) as error:
            self._explain(wrong := told(error))
            code = wrong.exit_code
        if code != SUCCEEDED:
            raise SystemExit(code)

    def _explain(self, error: ApplicationError) -> None:
        self.output.talk(clean(error), style="bold red")
        for reason in error.reasons:
            self.output.talk(f"  - {clean(reason)}")
        for field, texts in error.fields.items():
            for text in texts:
                self.output.talk(f"  - {clean(field)}: {clean(text)}")

    def confirm(self, question: str, *, yes: bool) -> None:
        """Go on only if a person says yes, or said ``--yes`` beforehand."""
        if yes:
            return
        if not sys.stdin.isatty():
            raise Invalid("Say --yes: there is nobody here to ask.")
        self.output.talk(f"{question} [y/N] ", end="")
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            self._leave()

    def _leave(self) -> NoReturn:
        self.output.talk("Nothing was done.")
        raise SystemExit(ERROR)
