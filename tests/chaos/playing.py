"""A process that plays runs: its own folder, database and world."""

from __future__ import annotations

import gc
import logging
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.world import Story, World

_world: World | None = None
_until = math.inf
_folder: tempfile.TemporaryDirectory[str] | None = None


@dataclass(frozen=True)
class Played:
    """What came of one run."""

    run: str
    outcome: str
    violations: tuple[str, ...]
    reached: frozenset[str]
    struck: int


def begin(until: float = math.inf) -> None:
    """Set this process up: Django, an empty database, a world, in memory where there is a place for it.

    After *until* (monotonic) nothing is played any more.
    """
    global _world, _folder, _until  # noqa: PLW0603 - one of each in a process, as Django has it
    import django

    _until = until
    django.setup()
    logging.disable(logging.CRITICAL)
    from django.conf import settings
    from django.core.management import call_command

    from tests.chaos.world import World

    call_command("migrate", verbosity=0)
    place = Path("/dev/shm")
    _folder = tempfile.TemporaryDirectory(prefix="chaos-", dir=place if place.is_dir() else None)
    settings.IMAGE_DIR = Path(_folder.name) / "images"
    _world = World(Path(_folder.name))
    gc.freeze()


def play(text: str) -> Played | None:
    """Play the run that *text* tells; None when the time is over."""
    if time.monotonic() > _until:
        return None
    from tests.chaos.oracle import violations
    from tests.chaos.points import Run

    run = Run.parse(text)
    try:
        story = world().play(run)
    except Exception as error:  # noqa: BLE001 - the other runs go on, and this one is told
        told = f"the harness failed: {type(error).__name__}: {error}"
        return Played(text, "harness", (told,), frozenset(), 0)
    return Played(
        text, outcome_of(story), tuple(violations(story)), frozenset(story.reached), len(story.struck)
    )


def world() -> World:
    """The world of this process, after ``begin``."""
    assert _world is not None
    return _world


def outcome_of(story: Story) -> str:
    """How it ended: the state, and for a failure what runs."""
    operation = story.operation
    if operation is None or operation.finished_at is None:
        return "open"
    return f"{operation.state}/{operation.running}" if operation.running else str(operation.state)


def tell(text: str) -> Sequence[str]:
    """Play one run and tell everything about it."""
    from tests.chaos.oracle import violations
    from tests.chaos.points import Run

    story = world().play(Run.parse(text))
    operation = story.operation
    assert operation is not None
    return [
        text,
        *(f"  {leg} {state} -> {following}" for leg, state, following in story.places),
        *(f"  {entry.what} {entry.command} {entry.told}" for entry in story.entries),
        *(f"  struck: {point}" for point in story.struck),
        *(f"  note: {note}" for note in story.notes),
        f"  after {story.seconds:.1f} s: {outcome_of(story)}: {operation.reason}",
        f"  runs: {story.at_end}",
        *(f"  VIOLATION: {sentence}" for sentence in violations(story)),
    ]
