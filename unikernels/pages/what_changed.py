"""What changed between what runs and a newer build: the risk first, then everything that is known.

The builder is never asked while somebody waits for a page: a worker asks, the page looks each second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from unikernels.access import unikernel_of
from unikernels.builds.compare import Changes, Difference, OpamFile
from unikernels.builds.risk import Risk
from unikernels.builds.running import running_build
from unikernels.builds.services import ask, build_of, changes_from, pending
from unikernels.models import Build, Lookup, Unikernel
from unikernels.pages.request import PageRequest, page
from unikernels.pages.same import same
from unikernels.pages.standing import GRADES, changes_key, differences

MAX_LINES = 400  # of one diff; more are read at the builder
MAX_OPEN = 30  # packages; longer lists begin folded
MAX_NUMBER = 19  # digits of a number in an address


@dataclass(frozen=True, slots=True)
class Pair:
    """The two builds: what runs, if its builder knows it, and what it is compared with."""

    old: Build | None
    new: Build


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a diff: ``kind`` is added, removed, place or empty."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Part:
    """One list of packages with its title; long ones begin folded."""

    title: str
    difference: Difference

    @property
    def folded(self) -> bool:
        """Whether it is too long to begin open."""
        return self.difference.count > MAX_OPEN


@page
@require_http_methods(["GET", "POST"])
def what_changed(request: PageRequest, pk: int) -> HttpResponse:
    """What changed from what runs to ``?build=``, or to the newest build. A POST asks the builder again."""
    thing = unikernel_of(request.actor, pk)
    pair = _pair(request, thing)
    if pair is None:
        return HttpResponseRedirect(reverse("pages:unikernel", args=[pk]))
    again = request.method == "POST"
    lookup = _asked(request, pair, again=again)
    if again:
        return HttpResponseRedirect(request.get_full_path())
    context = _context(request, thing, pair, lookup)
    return render(request, "what_changed.html#live" if request.htmx else "what_changed.html", context)


def _pair(request: PageRequest, thing: Unikernel) -> Pair | None:
    number = request.GET.get("build", "")
    if number.isascii() and number.isdigit() and len(number) < MAX_NUMBER:
        new = build_of(request.actor, int(number))
    elif thing.newest is not None:
        new = thing.newest
    else:
        return None
    return Pair(running_build(thing, new.builder), new)


def _asked(request: PageRequest, pair: Pair, *, again: bool) -> Lookup | None:
    if pair.old is None:
        return None
    return ask(
        actor=request.actor,
        builder=pair.new.builder,
        what=Lookup.What.CHANGES,
        key=changes_key(pair.old, pair.new),
        fresh=again,
    )


def _context(request: PageRequest, thing: Unikernel, pair: Pair, lookup: Lookup | None) -> dict[str, Any]:
    answered = changes_from(lookup) if lookup and lookup.data is not None else None
    role = request.actor.role_in(thing.team)
    context = {
        "section": "unikernels",
        "unikernel": thing,
        "pair": pair,
        "waiting": lookup is not None and answered is None and pending(lookup),
        "lookup": lookup,
        "differences": differences(pair.old, pair.new) if pair.old else [],
        "can_upgrade": thing.team is not None and role in {Role.DEPLOYER, Role.OWNER},
        "same": same(
            "GET",
            f"/unikernels/{thing.pk}/changes/",
            command=f"changes {thing.name} --team {thing.team} --instance {thing.instance}",
        ),
    }
    return context | (_told(*answered) if answered else {})


def _told(changes: Changes, risk: Risk) -> dict[str, Any]:
    parts = [
        Part("Packages", changes.opam),
        Part("System packages of the build host", changes.system),
        Part("Environment of the build", changes.environment),
    ]
    return {
        "changes": changes,
        "grade": GRADES[risk.grade],
        "reasons": [(reason, GRADES[reason.grade]) for reason in risk.reasons],
        "parts": [part for part in parts if part.difference.count],
        "files": [(file, list(diff_lines(file))) for file in changes.opam_files],
    }


def diff_lines(file: OpamFile) -> Iterator[Line]:
    """The diff of an opam file, a line at a time."""
    lines = file.diff.splitlines()
    for text in lines[:MAX_LINES]:
        yield Line(_kind(text), text)
    if len(lines) > MAX_LINES:
        yield Line("place", f"… {len(lines) - MAX_LINES} more lines")


def _kind(text: str) -> str:
    if text.startswith(("+++", "---", "@@")):
        return "place"
    return {"+": "added", "-": "removed"}.get(text[:1], "")
