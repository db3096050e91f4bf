"""``manage.py simulate_albatross``: run a simulated Albatross instance, or make a running one fail."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from albatross.simulator.cli import DESCRIPTION, add_arguments, run


class Command(BaseCommand):
    """The Django door to ``albatross.simulator``."""

    help = DESCRIPTION
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *_args: object, **options: Any) -> None:
        code = run(argparse.Namespace(**options), self._say)
        if code:
            raise CommandError("the simulator could not do that", returncode=code)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
