"""The console of a unikernel: what it printed, and following it."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from mollymawk.errors import Unavailable
from unikernels.access import unikernel_of
from unikernels.consoles.services import MAX_LINES, Line, around, history, matching
from unikernels.models import Unikernel
from unikernels.pages.request import PageRequest, page
from unikernels.pages.same import same

SHOWN = 1000  # lines; as many as an instance keeps
MAX_WORDS = 200  # characters that are looked for


@page
@require_GET
def console(request: PageRequest, pk: int) -> HttpResponse:
    """The newest lines, or those around one; a script follows from the last of them."""
    thing = unikernel_of(request.actor, pk)
    wanted, words = request.GET.get("line", ""), request.GET.get("q", "")[:MAX_WORDS]
    lines: list[Line] = []
    problem = ""
    try:
        lines = around(thing, wanted) if wanted else []
        if wanted and not lines:
            problem = "The line that this link leads to is not kept any more: these are the newest."
        lines = lines or history(thing, MAX_LINES if words else SHOWN)
    except Unavailable as error:  # the page says so and goes on trying
        problem = str(error)
    context = {
        "section": "unikernels",
        "ended": _ended(thing),
        "unikernel": thing,
        "lines": matching(lines, words),
        "words": words,
        "wanted": wanted,
        "problem": problem,
        "last": lines[-1].id if lines else "",
        "stream": f"{reverse('pages:unikernel', args=[pk])}console/stream",
        "same": same("GET", f"/unikernels/{pk}/console/?count=100", command=f"console {thing.name} --follow"),
    }
    return render(request, "console.html", context)


def _ended(thing: Unikernel) -> str:
    """What to say of the console of a unikernel that does not run."""
    if thing.state == Unikernel.Presence.RUNNING:
        return ""
    return (
        f"{thing.name} does not run. These are its last lines, as long as {thing.instance} keeps them: it drops"
        " them when others need the room."
    )


@page
@require_GET
def download(request: PageRequest, pk: int) -> HttpResponse:
    """All the lines there are, or those with some words, as a text file."""
    thing = unikernel_of(request.actor, pk)
    return as_file(matching(history(thing, MAX_LINES), request.GET.get("q", "")), thing.name)


def as_file(lines: Iterable[Line], name: str) -> HttpResponse:
    """*lines* with their times as a text file, called after *name*."""
    text = "".join(f"{line.at.isoformat(timespec='milliseconds')} {line.text}\n" for line in lines)
    called = content_disposition_header(as_attachment=True, filename=f"{name}-console.txt")
    headers = {"Content-Disposition": str(called)}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)
