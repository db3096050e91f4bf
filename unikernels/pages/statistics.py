"""What a unikernel, or all on an instance, used: charts for those who look, the same numbers to read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from albatross.models import Instance
from unikernels.access import instance_of, unikernel_of, unikernels_of
from unikernels.api.statistics import INSTANCE_STEP, MAX_SUMMED
from unikernels.models import Unikernel
from unikernels.pages.request import PageRequest, page
from unikernels.statistics.grids import DAY, HOUR, STEP, Grid, Values
from unikernels.statistics.models import Feed
from unikernels.statistics.reading import FRESH, Change, good_step, last_change, series, total
from unikernels.templatetags.house import mebibytes, per_second, percent

RANGES = {"hour": ("Hour", HOUR), "day": ("Day", DAY), "month": ("30 days", 30 * DAY)}
_MEASURES: tuple[tuple[str, Callable[[float], str]], ...] = (
    ("CPU", percent),
    ("Resident memory", mebibytes),
    ("Received", per_second),
    ("Sent", per_second),
)
_SCALES = (100, 1 / 2**20, 1 / 1000, 1 / 1000)  # of the charts: %, MB, kB/s, kB/s
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure in numbers: texts, empty when not known. The last two are around the last change."""

    name: str
    now: str
    mean: str
    most: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A time that can be looked at."""

    word: str
    query: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Used:
    """What the component shows. ``drawn`` is what the script draws, and None when nothing is known."""

    url: str
    choices: list[Choice]
    figures: list[Figure]
    drawn: dict[str, Any] | None
    change: str
    changed_at: datetime | None
    trouble: str
    trouble_since: datetime | None
    of: str


def used_by(request: PageRequest, thing: Unikernel) -> Used:
    """What *thing* used in the time that the query asks for (``range``)."""
    chosen, since, until = _asked(request)
    step = good_step(until - since)
    grid = series(thing, since=since, until=until, step=step)
    url = reverse("pages:unikernel-statistics", args=[thing.pk])
    return _used(url, chosen, grid, thing.instance, last_change(thing), of=thing.name)


def used_on(request: PageRequest, place: Instance) -> Used:
    """What those unikernels on *place* used together that the reader may see."""
    chosen, since, until = _asked(request)
    step = max(good_step(until - since), INSTANCE_STEP)
    here = unikernels_of(request.actor).filter(instance=place).order_by("pk")
    keys = list(here.values_list("pk", flat=True)[:MAX_SUMMED])
    grid = total(place.pk, keys, since=since, until=until, step=step)
    url = reverse("pages:instance-statistics", args=[place.name])
    return _used(url, chosen, grid, place, None, of=f"all unikernels on {place.name} that you may see")


@page
@require_GET
def of_unikernel(request: PageRequest, pk: int) -> HttpResponse:
    """The component alone, for a poll or another time; the whole page without a script."""
    thing = unikernel_of(request.actor, pk)
    if not request.htmx:
        return _whole(request, reverse("pages:unikernel", args=[pk]))
    return render(request, "components/statistics.html", {"used": used_by(request, thing)})


@page
@require_GET
def of_instance(request: PageRequest, name: str) -> HttpResponse:
    """The component alone, for a poll or another time; the whole page without a script."""
    place = instance_of(request.actor, name)
    if not request.htmx:
        return _whole(request, reverse("pages:instance", args=[name]))
    return render(request, "components/statistics.html", {"used": used_on(request, place)})


def _whole(request: PageRequest, address: str) -> HttpResponseRedirect:
    chosen, _, _ = _asked(request)
    return HttpResponseRedirect(f"{address}?range={chosen}#statistics")


def _asked(request: PageRequest) -> tuple[str, int, int]:
    """The range that is asked for, and its ends in s since 1970: whole steps, so that points stay put."""
    chosen = request.GET.get("range", "")
    chosen = chosen if chosen in RANGES else "hour"
    until = int(time.time()) // STEP * STEP
    return chosen, until - RANGES[chosen][1], until


def _used(url: str, chosen: str, grid: Grid, place: Instance, change: Change | None, *, of: str) -> Used:
    feed = Feed.objects.filter(instance=place).first()
    known = any(True for _ in grid.rows())
    return Used(
        url=url,
        choices=[Choice(word, f"?range={name}", name == chosen) for name, (word, _) in RANGES.items()],
        figures=_figures(grid, change) if known or change else [],
        drawn=_drawn(grid, change) if known else None,
        change=_words(change),
        changed_at=datetime.fromtimestamp(change.at, UTC) if change else None,
        trouble=feed.trouble_text if feed else "",
        trouble_since=feed.trouble_since if feed else None,
        of=of,
    )


def _figures(grid: Grid, change: Change | None) -> list[Figure]:
    nothing: Values = (None, None, None, None)
    before, after = (change.before, change.after) if change else (nothing, nothing)
    columns = (grid.last(), grid.mean(), grid.most(), before, after)
    return [
        Figure(name, *("" if value is None else text(value) for value in values))
        for (name, text), values in zip(_MEASURES, zip(*columns, strict=True), strict=True)
    ]


def _drawn(grid: Grid, change: Change | None) -> dict[str, Any]:
    """The points in which anything is known; a line ends where nothing is for longer than a minute."""
    lines: list[list[float | None]] = [[] for _ in _SCALES]
    times: list[int] = []
    for at, values in grid.rows():
        if times and at - times[-1] > max(grid.step, FRESH):
            times.append(times[-1] + grid.step)
            for line in lines:
                line.append(None)
        times.append(at)
        for line, value, scale in zip(lines, values, _SCALES, strict=True):
            line.append(None if value is None else round(value * scale, _DIGITS))
    return {
        "times": times,
        "lines": lines,
        "since": grid.start,
        "until": grid.end,
        "change": change.at if change else None,
    }


def _words(change: Change | None) -> str:
    if change is None:
        return ""
    target = change.operation.target
    return f"{change.operation.kind} to version {target.number}" if target else change.operation.kind
