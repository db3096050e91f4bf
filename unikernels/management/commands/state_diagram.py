"""``manage.py state_diagram``: the operation machine as drawings, made from its table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from unikernels.operations.machine import TERMINAL, TRANSITIONS, Event, Leg, Place

BEGIN = "<!-- state diagram: begin (manage.py state_diagram --write docs/architecture.md) -->"
END = "<!-- state diagram: end -->"

Arrow = tuple[Place, Event, Place]

_DRAWINGS = (
    ("With a version to go back to", (Leg.OUT, Leg.BACK)),
    ("With nothing to go back to", (Leg.ONLY,)),
)


class Command(BaseCommand):
    """Prints the drawings, or puts them between the markers of a document."""

    help = "Print the state diagrams of operations as Mermaid, or write them into a document."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", type=Path, metavar="FILE", help="put them between its markers")

    def handle(self, *_args: object, write: Path | None, **_options: Any) -> None:
        if write is None:
            self.stdout.write(diagrams())
            return
        text = write.read_text(encoding="utf-8")
        if BEGIN not in text or END not in text:
            raise CommandError(f"{write} has no markers for the state diagram.")
        write.write_text(with_diagrams(text), encoding="utf-8")


def with_diagrams(text: str) -> str:
    """*text* with the present drawings between its markers."""
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{diagrams()}\n{END}{after}"


def diagrams() -> str:
    """All drawings, each with its heading."""
    return "\n".join(f"### {title}\n\n{_diagram(legs)}" for title, legs in _DRAWINGS)


def _diagram(legs: Iterable[Leg]) -> str:
    arrows = [arrow for leg in legs for arrow in _arrows(leg)]
    events: dict[tuple[str, str], list[str]] = {}
    for source, event, goal in arrows:
        events.setdefault((_node(source), _node(goal)), []).append(_words(event))
    lines = [f"    {source} --> {goal}: {', '.join(words)}" for (source, goal), words in events.items()]
    places = {place for source, _, goal in arrows for place in (source, goal)}
    names = sorted(
        {f'    state "{_label(place)}" as {_node(place)}' for place in places if "_" in _node(place)}
    )
    ends = sorted({f"    {_node(place)} --> [*]" for place in places if place[1] in TERMINAL})
    return "\n".join(["```mermaid", "stateDiagram-v2", *names, *lines, *ends, "```", ""])


def _arrows(leg: Leg) -> Iterator[Arrow]:
    for state, following in TRANSITIONS[leg].items():
        for event, goal in following.items():
            yield (leg, state), event, goal


def _node(place: Place) -> str:
    leg, state = place
    return state.value if state in TERMINAL or leg is not Leg.BACK else f"back_{state.value}"


def _label(place: Place) -> str:
    return _node(place).replace("back_", "going back, ").replace("_", " ")


def _words(event: Event) -> str:
    return event.value.replace("_", " ")
