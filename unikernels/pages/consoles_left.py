"""Consoles of what no longer runs, asked from the instance in this moment."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from mollymawk.errors import Unavailable
from unikernels.access import instance_of
from unikernels.consoles.left import Left, left_on, lines_left
from unikernels.consoles.services import matching
from unikernels.pages.console import MAX_WORDS, as_file
from unikernels.pages.request import PageRequest, page
from unikernels.pages.same import same


@page
@require_GET
def consoles(request: PageRequest, name: str) -> HttpResponse:
    """Which consoles an instance keeps of what no longer runs there."""
    thing = instance_of(request.actor, name)
    found: list[Left] = []
    problem = ""
    try:
        found = left_on(request.actor, thing)
    except Unavailable as error:
        problem = str(error)
    context = {
        "section": "instances",
        "instance": thing,
        "consoles": found,
        "problem": problem,
        "same": same("GET", f"/instances/{thing.name}/consoles/"),
    }
    return render(request, "consoles_left.html", context)


@page
@require_GET
def console(request: PageRequest, name: str, console: str) -> HttpResponse:
    """The lines of one of them, or those with some words; as a page, or a text file (``?download``)."""
    thing = instance_of(request.actor, name)
    words = request.GET.get("q", "")[:MAX_WORDS]
    lines = matching(lines_left(request.actor, thing, console), words)
    if "download" in request.GET:
        return as_file(lines, console.replace(":", "-"))
    context = {
        "section": "instances",
        "instance": thing,
        "console": console,
        "lines": lines,
        "words": words,
        "same": same("GET", f"/instances/{thing.name}/consoles/{console}/"),
    }
    return render(request, "console_left.html", context)
