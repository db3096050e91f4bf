"""The console of a unikernel: what it printed, and following it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from mollymawk.errors import Unavailable
from unikernels.access import unikernel_of
from unikernels.consoles.services import MAX_LINES, Line, history
from unikernels.pages.request import PageRequest, page
from unikernels.pages.same import same

SHOWN = 1000  # lines; as many as an instance keeps


@page
@require_GET
def console(request: PageRequest, pk: int) -> HttpResponse:
    """The newest lines; a script follows from the last of them."""
    thing = unikernel_of(request.actor, pk)
    lines: list[Line] = []
    problem = ""
    try:
        lines = history(thing, SHOWN)
    except Unavailable as error:  # the page says so and goes on trying
        problem = str(error)
    context = {
        "section": "unikernels",
        "unikernel": thing,
        "lines": lines,
        "problem": problem,
        "last": lines[-1].id if lines else "",
        "stream": f"{reverse('pages:unikernel', args=[pk])}console/stream",
        "same": same("GET", f"/unikernels/{pk}/console/?count=100", command=f"console {thing.name} --follow"),
    }
    return render(request, "console.html", context)


@page
@require_GET
def download(request: PageRequest, pk: int) -> HttpResponse:
    """All the lines there are, as a text file."""
    thing = unikernel_of(request.actor, pk)
    text = "".join(
        f"{line.at.isoformat(timespec='milliseconds')} {line.text}\n" for line in history(thing, MAX_LINES)
    )
    headers = {"Content-Disposition": f'attachment; filename="{thing.name}-console.txt"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)
