"""Whose upgrades are frozen, on the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from accounts.access import team_of
from accounts.actors import COMMAND
from accounts.models import Team


def add_whose(parser: ArgumentParser) -> None:
    """The options that name a team, or everybody."""
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--team", help="of this team")
    whose.add_argument("--all", action="store_true", help="of the whole system")
    parser.add_argument("--dry-run", action="store_true", help="only tell the plan")


def whose(options: dict[str, Any]) -> Team | None:
    """The team that the options name; None: everybody."""
    return None if options["all"] else team_of(COMMAND, options["team"])
