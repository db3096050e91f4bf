"""Deploy in steps: an image or a build, what it needs, the plan, go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import team_of
from accounts.models import Quota, Role, Team
from albatross.models import Instance
from mollymawk.errors import ApplicationError, Forbidden
from mollymawk.rest.pages import NEWEST_FIRST
from unikernels.access import image_of, images_of, instances_of, unikernel_of, version_of
from unikernels.blocks.services import block_add
from unikernels.builds.services import build_of, builders_of
from unikernels.configuration import MAX_MEMORY, Configuration
from unikernels.models import Build, Image, Unikernel, Version
from unikernels.operations import services
from unikernels.pages.changes import Change, answer, body_of, devices_of, draw, offer_of, options_of
from unikernels.pages.configuration_form import ConfigurationForm, DeployForm
from unikernels.pages.examples import offered
from unikernels.pages.forms import UploadForm
from unikernels.pages.lists import listed
from unikernels.pages.quotas import planned
from unikernels.pages.request import PageRequest, page
from unikernels.pages.same import Same, same
from unikernels.pages.shares import Share, share_of
from unikernels.versions import configuration_of


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be deployed, what it is called, and how the API and the command name it."""

    thing: Image | Build
    name: str
    body: dict[str, Any]
    option: str

    @property
    def build(self) -> Build | None:
        """The build, if it is one."""
        return self.thing if isinstance(self.thing, Build) else None


@page
@require_GET
def choose_image(request: PageRequest) -> HttpResponse:
    """Step one: upload an image, or take one that is there."""
    teams = request.actor.deploy_teams()
    if not teams:
        raise Forbidden("Your role in your teams is viewer; deploying needs deployer.")
    found = request.frame.of_team(images_of(request.actor)).filter(team__in=teams)
    context = {
        "section": "unikernels",
        "list": listed(request, found, NEWEST_FIRST, lambda copy: copy),
        "form": UploadForm(teams=teams, team=request.frame.team),
        "then": "deploy",
        "builders": builders_of(request.actor),
        "examples": offered(),
        "step": 1,
    }
    return render(request, "deploy.html", context)


@page
@require_http_methods(["GET", "POST"])
def deploy_image(request: PageRequest, team: str, digest: str) -> HttpResponse:
    """Steps two to four: what it needs, the plan, go."""
    owner = team_of(request.actor, team, Role.DEPLOYER)
    return _deploy(request, owner, _of_image(request, owner, digest))


@page
@require_http_methods(["GET", "POST"])
def deploy_build(request: PageRequest, team: str, pk: int) -> HttpResponse:
    """The same for a build, which is downloaded on the way."""
    owner = team_of(request.actor, team, Role.DEPLOYER)
    build = build_of(request.actor, pk)
    body = {"server": build.builder.name, "job": build.job, "build": build.uuid}
    option = f"{build.builder.name}/{build.job}/{build.uuid}"
    return _deploy(request, owner, Source(build, build.job, {"build": body}, f"--build {option}"))


def _of_image(request: PageRequest, team: Team, digest: str) -> Source:
    """The team's image, or the one of a version that is deployed again: it has no file name."""
    again = _again(request, team)
    if again is not None and again.digest == digest and again.image is not None:
        image, name = again.image, f"version {again.number} of {again.unikernel.name}"
    else:
        copy = image_of(request.actor, team, digest, Role.DEPLOYER)
        image, name = copy.image, copy.name
    return Source(image, name, {"image": image.digest}, image.digest)


def _deploy(request: PageRequest, owner: Team, source: Source) -> HttpResponse:
    places = _places(request, owner)
    if not places:
        who = {"team": owner, "teams": teams_with_place(request)}
        context = {"section": "unikernels", "source": source, "build": source.build, "step": 2, **who}
        return render(request, "deploy_nowhere.html", context)
    place = next((p for p in places if p.name == request.GET.get("instance")), places[0])
    data, problem, making = sent(request, owner, place)
    share = share_of(owner, place)
    again = _again(request, owner)
    base = configuration_of(again) if again else None
    devices = devices_of(source.thing, base or Configuration())
    form = DeployForm(data, offer=offer_of(owner, place, share, devices, frozenset()), base=base)
    if again:
        form.initial["name"] = again.unikernel.name
    drawn = {"places": places, "problem": problem, "again": again, "teams": teams_with_place(request)}
    change = _change(request, source, share, drawn)
    if making:
        return draw(request, form, change)
    return answer(request, form, change)


def _places(request: PageRequest, team: Team) -> list[Instance]:
    """Where *team* may have something."""
    theirs = Q(quotas__team=team) | Q(policies__path=team.domain)
    return list(instances_of(request.actor).filter(theirs).distinct().order_by("name"))


def teams_with_place(request: PageRequest) -> list[Team]:
    """The teams for which something can be deployed somewhere."""
    granted = Quota.objects.filter(team__in=request.actor.deploy_teams())
    with_place = set(granted.values_list("team", flat=True))
    return [team for team in request.actor.deploy_teams() if team.pk in with_place]


def _again(request: PageRequest, team: Team) -> Version | None:
    """The version that is to be deployed again (``?again=unikernel.number``)."""
    unikernel, _, number = request.GET.get("again", "").partition(".")
    if not (unikernel.isdigit() and number.isdigit() and len(unikernel) < 19 and len(number) < 10):
        return None
    thing: Unikernel = unikernel_of(request.actor, int(unikernel), Role.DEPLOYER)
    return version_of(request.actor, thing, int(number), Role.DEPLOYER) if thing.team == team else None


def _change(request: PageRequest, source: Source, share: Share, drawn: dict[str, Any]) -> Change:
    team, place = share.team, share.instance

    def asked(form: ConfigurationForm) -> dict[str, Any]:
        return {
            "actor": request.actor,
            "team": team,
            "instance": place,
            "name": form.cleaned_data["name"],
            "image": source.thing,
            "configuration": form.configuration,
        }

    def context(form: ConfigurationForm) -> dict[str, Any]:
        ready = form.is_bound and form.is_valid()
        return {
            **drawn,
            "section": "unikernels",
            "source": source,
            "build": source.build,
            "team": team,
            "place": place,
            "share": share,
            "meters": planned(share, memory_of(form), None),
            "same": _same(team, place, source, form) if ready else None,
        }

    return Change(
        template="deploy_image.html",
        context=context,
        plan=lambda form: services.plan_deploy(**asked(form)),
        go=lambda form, accept: services.deploy(**asked(form), accept=accept),
    )


def memory_of(form: ConfigurationForm) -> int:
    """The memory in the form as it stands, good or not: for the bars."""
    text = str(form["memory"].value() or "")
    return min(int(text), MAX_MEMORY) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _same(team: Team, place: Instance, source: Source, form: ConfigurationForm) -> Same:
    name, configuration = form.cleaned_data["name"], form.configuration
    body = {
        "team": team.name,
        "instance": place.name,
        "name": name,
        **source.body,
        "configuration": body_of(configuration),
    }
    where = f"--team {team.name} --instance {place.name} --name {name}"
    command = f"deploy {source.option} {where} {options_of(configuration)}"
    return same("POST", "/unikernels/", body=body, command=command, step=f"Deploy {name}")


def sent(request: PageRequest, team: Team, place: Instance) -> tuple[QueryDict | None, str, bool]:
    """What the form was filled with, if it was sent; why a block device could not be made, if one was
    asked for; and whether one was: then the form is shown again.
    """
    if not request.POST.get("action", "").startswith("create-"):
        return (request.POST if request.method == "POST" else None), "", False
    return *_create_block(request, team, place), True


def _create_block(request: PageRequest, team: Team, place: Instance) -> tuple[QueryDict, str]:
    """Make the block device that the form asks for beside a device; the form then has it chosen.

    What was typed otherwise stays as it is. The text says why there is none.
    """
    given = request.POST.copy()
    at = request.POST.get("action", "").removeprefix("create-")
    name, size = (request.POST.get(f"new-{at}-{part}", "").strip() for part in ("name", "size"))
    if not (size.isascii() and size.isdigit() and len(size) < 10):
        return given, "Give the new block device a size in whole MB."
    try:
        block = block_add(actor=request.actor, team=team, instance=place, name=name, megabytes=int(size))
    except ApplicationError as error:
        details = [text for texts in error.fields.values() for text in texts]
        return given, " ".join([str(error), *error.reasons, *details])
    given[f"block-{at}"] = block.name
    return given, ""
