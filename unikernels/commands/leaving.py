"""What the commands that delete teams and people have in common."""

from __future__ import annotations

from argparse import ArgumentParser

from unikernels.commands.output import Output, clean
from unikernels.leaving.plan import Leaving


def add_leaving(parser: ArgumentParser) -> None:
    """How to delete."""
    parser.add_argument("--leave", action="store_true", help="what is on instances stays there, unmanaged")
    parser.add_argument("--dry-run", action="store_true", help="only tell the plan")
    parser.add_argument("--yes", action="store_true", help="do not ask; needed without a terminal")


def told(plan: Leaving, output: Output) -> None:
    """What is about to be done, beside the data."""
    for number, step in enumerate(plan.steps, start=1):
        output.talk(f"{number}. {clean(step)}")
    for warning in plan.warnings:
        output.talk(f"note: {clean(warning)}", style="yellow")


def tell_left(done: str, left: list[str], output: Output) -> None:
    """It is deleted; *left* is what could not be closed."""
    if output.json:
        output.data({"left": left})
    else:
        output.line(done)
    for trouble in left:
        output.talk(clean(trouble), style="yellow")
