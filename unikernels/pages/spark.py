"""The CPU of the last hour as a small drawing in a row of a list, with its number beside it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby

from django.utils.safestring import SafeString, mark_safe

from unikernels.pages.rows import Row
from unikernels.statistics.reading import sparks
from unikernels.statistics.recent import MINUTES
from unikernels.templatetags.house import percent

WIDTH, HEIGHT = 2 * MINUTES, 20  # units of the drawing; one more on each side for the stroke
KEPT = 4096  # drawings of this process, 1 kB each: lists are polled, and a line changes once a minute
_FRAME = f'viewBox="-1 -1 {WIDTH + 2} {HEIGHT + 2}" width="{WIDTH + 2}" height="{HEIGHT + 2}"'
LEAST = 0.02  # of a CPU, as high as the drawing: what uses less lies flat


def with_sparks(rows: Collection[Row]) -> list[Row]:
    """*rows* with their drawings, in one query."""
    places: dict[int, set[int]] = {}
    for row in rows:
        places.setdefault(row.place, set()).add(row.pk)
    recent = sparks(places)
    return [
        replace(row, spark=spark(tuple(recent[row.place].line(row.pk)))) if row.place in recent else row
        for row in rows
    ]


@lru_cache(KEPT)
def spark(line: tuple[float | None, ...]) -> SafeString | str:
    """The drawing of one *line* (CPUs in each minute, None: not known); empty when nothing is known."""
    known = [value for value in line if value is not None]
    if not known:
        return ""
    most = max(known)
    words = (
        f"CPU in the last hour: {percent(sum(known) / len(known))} in the mean, {percent(most)} at the most"
    )
    # Numbers and words of ours: nothing in them has to be escaped, and a page may have 200 of these.
    return mark_safe(  # noqa: S308
        f'<svg class="spark" role="img" aria-label="{words}" {_FRAME}><title>{words}</title>'
        f'<path d="{path_of(line, max(most, LEAST))}"/></svg> {percent(known[-1])}'
    )


def path_of(line: Sequence[float | None], most: float) -> str:
    """The strokes of *line*, with gaps where nothing is known (pure)."""
    strokes = []
    for there, places in groupby(enumerate(line), key=lambda pair: pair[1] is not None):
        if there:
            points = [
                f"{2 * place} {HEIGHT - round(HEIGHT * (value or 0) / most, 1)}" for place, value in places
            ]
            strokes.append(f"M{'L'.join(points)}" + ("h1" if len(points) == 1 else ""))
    return "".join(strokes)
