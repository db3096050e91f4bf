"""The log: what happened, by whom, from where; for owners of a team, and superusers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, cast

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from accounts.actors import Actor
from accounts.audit import words
from accounts.audit.export import FORMS, answer
from accounts.audit.search import Wanted, kinds, search
from accounts.audit.services import head
from accounts.models import Event, User
from mollymawk.errors import Invalid
from mollymawk.rest.pages import NEWEST_FIRST
from unikernels.models import Block, Unikernel
from unikernels.pages.lists import listed
from unikernels.pages.request import PageRequest, page
from unikernels.pages.same import same
from unikernels.pages.words import text_of
from unikernels.templatetags.house import SHORT

FILTERS = ("kind", "who", "subject", "credential", "since", "until")
# Pages about what an event is about, by the first word of its subject.
_PAGES = {"unikernel": "pages:unikernel", "block": "pages:block"}


@dataclass(frozen=True, slots=True)
class Line:
    """One event. ``path``: the page about what it is about, if there is one."""

    event: Event
    text: str
    about: str
    path: str
    data: str


@page
@require_GET
def audit(request: PageRequest) -> HttpResponse:
    """The log, newest first."""
    asked = {name: request.GET.get(name, "") for name in FILTERS}
    given = {name: value for name, value in asked.items() if value}
    team = {"team": request.frame.team.name} if request.frame.team else {}
    query = urlencode(team | given)
    found = listed(request, _found(request), NEWEST_FIRST, _line)
    context = {
        "section": "audit",
        "list": replace(found, items=_named(found.items, request.actor)),
        "asked": asked,
        "kinds": kinds(),
        "narrowed": bool(given),
        "query": query,
        "head": head() if request.actor.all_powerful else None,
        "same": same("GET", f"/events/?{query}" if query else "/events/", command=_command(team | given)),
    }
    return render(request, "audit.html", context)


@page
@require_GET
def export(request: PageRequest) -> HttpResponse:
    """The log as a file, oldest first."""
    form = request.GET.get("type", "jsonl")
    if form not in FORMS:
        raise Invalid(f"There are {' and '.join(FORMS)}.")
    return cast("HttpResponse", answer(_found(request), form))  # only headers are added to it


def _found(request: PageRequest) -> QuerySet[Event]:
    """The events of the team that is looked at, or of all, that the query asks for."""
    texts = {name: request.GET.get(name, "").strip() for name in ("kind", "who", "subject", "credential")}
    wanted = Wanted(
        team=request.frame.team.name if request.frame.team else "",
        since=words.since(request.GET.get("since", "")),
        until=words.until(request.GET.get("until", "")),
        **texts,
    )
    return search(actor=request.actor, wanted=wanted).select_related("team", "instance")


def _command(options: dict[str, str]) -> str:
    return " ".join(["audit_export", *(f"--{name} {json.dumps(value)}" for name, value in options.items())])


def _line(event: Event) -> Line:
    data = json.dumps(event.data, indent=2, ensure_ascii=False) if event.data else ""
    word, _, key = event.subject.partition(":")
    about = f"{word}:{key[:SHORT]}" if word == "image" else event.subject
    return Line(event, text_of(event), about, _path(event), data)


def _named(lines: list[Line], actor: Actor) -> list[Line]:
    """*lines* with names where a subject is a number. Of people superusers alone are told."""
    people = User.objects.all() if actor.all_powerful else User.objects.none()
    known = (
        _names("unikernel", Unikernel.objects.all(), "name", lines)
        | _names("block", Block.objects.all(), "name", lines)
        | _names("user", people, "email", lines)
    )
    return [replace(line, about=known.get(line.event.subject) or _of_row(line)) for line in lines]


def _names(word: str, rows: QuerySet[Any], field: str, lines: list[Line]) -> dict[str, str]:
    """By subject, what is called so on one page: one query, none when nothing is about such a thing."""
    subjects = (line.event.subject.partition(":") for line in lines)
    keys = {int(key) for kind, _, key in subjects if kind == word and key.isdigit()}
    found = rows.filter(pk__in=keys).values_list("pk", field) if keys else ()
    return {f"{word}:{pk}": name for pk, name in found}


def _of_row(line: Line) -> str:
    """What the event itself knows of its subject."""
    word, event = line.event.subject.partition(":")[0], line.event
    if word == "instance" and event.instance:
        return event.instance.name
    return event.team_name if word == "team" and event.team_name else line.about


def _path(event: Event) -> str:
    word, _, key = event.subject.partition(":")
    if word in _PAGES and key.isdigit():
        return reverse(_PAGES[word], args=[key])
    if word == "instance" and event.instance:
        return reverse("pages:instance", args=[event.instance.name])
    if word == "team" and event.team:
        return reverse("team", args=[event.team.name])
    return ""
