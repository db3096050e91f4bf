"""Jobs and builds of a builder, to be deployed or upgraded to: a list to search, then its builds.

The builder is never asked while somebody waits for a page: a worker asks, the page looks each second, and
what was answered before is shown meanwhile. ``?for=`` a unikernel: the builds lead to its upgrade.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.models import Role, Team
from mollymawk.errors import Forbidden
from unikernels.access import unikernel_of
from unikernels.builds.services import ask, builder_named, pending
from unikernels.models import Build, Builder, Lookup, Unikernel
from unikernels.pages.deploy import teams_with_place
from unikernels.pages.request import PageRequest, page
from unikernels.pages.same import same

MAX_JOBS = 200  # shown at once; a search finds the others
MAX_BUILDS = 50  # the newest
MAX_SEARCH = 63
MAX_NUMBER = 19  # digits of a number in an address


@page
@require_http_methods(["GET", "POST"])
def builder(request: PageRequest, name: str) -> HttpResponse:
    """The jobs of a builder, searched. A POST asks it anew."""
    found = builder_named(request.actor, name)
    lookup = _asked(request, found, Lookup.What.JOBS)
    if request.method == "POST":
        return HttpResponseRedirect(request.get_full_path())
    search = request.GET.get("q", "")[:MAX_SEARCH]
    jobs = [job for job in lookup.data or [] if _matches(job, search)]
    context = _context(request, found, lookup) | {
        "jobs": jobs[:MAX_JOBS],
        "more": max(len(jobs) - MAX_JOBS, 0),
        "search": search,
        "same": same("GET", f"/builders/{name}/jobs/"),
    }
    return render(request, "builder.html#live" if request.htmx else "builder.html", context)


def _matches(job: dict[str, str], search: str) -> bool:
    text = f"{job['name']} {job['synopsis'] or ''} {job['section'] or ''}".lower()
    return all(word in text for word in search.lower().split())


@page
@require_http_methods(["GET", "POST"])
def job(request: PageRequest, name: str, job: str) -> HttpResponse:
    """The builds of a job, newest first. A POST asks anew."""
    found = builder_named(request.actor, name)
    lookup = _asked(request, found, Lookup.What.BUILDS, job)
    if request.method == "POST":
        return HttpResponseRedirect(request.get_full_path())
    context = _context(request, found, lookup) | {
        "job": job,
        "builds": _builds(found, lookup),
        "same": same("GET", f"/builders/{name}/jobs/{job}/builds/"),
    }
    return render(request, "builder_job.html#live" if request.htmx else "builder_job.html", context)


def _builds(found: Builder, lookup: Lookup) -> list[Build]:
    """The rows behind the answer, in its order."""
    wanted = [told["uuid"] for told in (lookup.data or [])[:MAX_BUILDS]]
    rows = {build.uuid: build for build in Build.objects.filter(builder=found, uuid__in=wanted)}
    return [rows[uuid] for uuid in wanted if uuid in rows]


def _asked(request: PageRequest, found: Builder, what: Lookup.What, key: str = "") -> Lookup:
    if not request.actor.deploy_teams():
        raise Forbidden("Your role in your teams is viewer; deploying needs deployer.")
    return ask(actor=request.actor, builder=found, what=what, key=key, fresh=request.method == "POST")


def _context(request: PageRequest, found: Builder, lookup: Lookup) -> dict[str, Any]:
    return {
        "section": "unikernels",
        "builder": found,
        "lookup": lookup,
        "waiting": pending(lookup),
        "team": _team(request),
        "upgrading": _upgrading(request),
        "step": 1,
    }


def _team(request: PageRequest) -> Team:
    """For whom a build is deployed unless somebody says otherwise: the team that is looked at, or the
    first that has a place.
    """
    teams = request.actor.deploy_teams()
    if request.frame.team in teams:
        return request.frame.team
    return (teams_with_place(request) or teams)[0]


def _upgrading(request: PageRequest) -> Unikernel | None:
    number = request.GET.get("for", "")
    if not (number.isascii() and number.isdigit() and len(number) < MAX_NUMBER):
        return None
    return unikernel_of(request.actor, int(number), Role.DEPLOYER)
