"""Images: what teams have in the store, uploading, removing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.access import team_of
from accounts.confirm import Confirm
from accounts.models import Role, Team
from mollymawk.errors import ApplicationError, Forbidden, Refused
from mollymawk.rest.pages import NEWEST_FIRST
from unikernels.access import image_of, images_of
from unikernels.images.keeping import space_of
from unikernels.images.services import image_add, image_remove
from unikernels.models import TeamImage, Version
from unikernels.pages.examples import offered
from unikernels.pages.forms import UploadForm, show_error
from unikernels.pages.lists import Listed, listed
from unikernels.pages.request import PageRequest, page, refused, say
from unikernels.pages.same import same

MAX_SPACES = 10  # teams whose space is told at once; the switch of teams shows any other one


@dataclass(frozen=True, slots=True)
class Use:
    """A unikernel that has a version with an image."""

    pk: int
    name: str


@page
@require_GET
def images(request: PageRequest) -> HttpResponse:
    """The images of the teams, and the form to upload one."""
    return _page(request, _form(request))


def _form(request: PageRequest) -> UploadForm:
    return UploadForm(teams=request.actor.deploy_teams(), team=request.frame.team)


def _page(request: PageRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    found = request.frame.of_team(images_of(request.actor))
    copies: Listed[TeamImage] = listed(request, found, NEWEST_FIRST, lambda copy: copy)
    uses = uses_of(copies.items)
    context = {
        "section": "images",
        "list": copies,
        "rows": [(copy, uses[copy.team_id, copy.image_id]) for copy in copies.items],
        "form": form,
        "then": "",
        "deploy_teams": {team.pk for team in request.actor.deploy_teams()},
        "spaces": _spaces(request),
        "kept": settings.VERSIONS_KEPT,
        "days_kept": settings.VERSION_DAYS_KEPT,
        "examples": offered(),
        "same": same(
            "POST",
            f"/images/?team={_team_word(request)}",
            upload="hello.hvt",
            command=f"image_add hello.hvt --team {_team_word(request)}",
            step="Upload the image",
        ),
    }
    return render(request, "images.html", context, status=status)


def _spaces(request: PageRequest) -> list[tuple[Team, int]]:
    """The bytes of the team that is looked at, or of the first teams that have any."""
    frame = request.frame
    teams = [frame.team] if frame.team else frame.teams[:MAX_SPACES]
    return [(team, size) for team in teams if (size := space_of(team))]


def _team_word(request: PageRequest) -> str:
    teams = request.actor.deploy_teams()
    return request.frame.team.name if request.frame.team else teams[0].name if teams else "TEAM"


def uses_of(copies: list[TeamImage]) -> dict[tuple[int, int], list[Use]]:
    """Which unikernels have versions with these images, by team and image."""
    versions = Version.objects.filter(
        image__in={copy.image_id for copy in copies}, unikernel__team__in={copy.team_id for copy in copies}
    )
    found = versions.values_list("unikernel__team_id", "image_id", "unikernel_id", "unikernel__name")
    uses: dict[tuple[int, int], list[Use]] = defaultdict(list)
    for team, image, pk, name in found.distinct().order_by("unikernel__name"):
        uses[team, image].append(Use(pk, name))
    return uses


@page
@require_POST
def upload(request: PageRequest) -> HttpResponse:
    """Take an image in; then to the list, or on to deploying it (``then=deploy``)."""
    form = UploadForm(
        request.POST, request.FILES, teams=request.actor.deploy_teams(), team=request.frame.team
    )
    if not request.actor.deploy_teams():
        raise Forbidden("Your role in these teams is viewer; this needs deployer.")
    if form.is_valid():
        try:
            return _stored(request, _store(request, form))
        except ApplicationError as error:
            show_error(form, error)
    if request.htmx:
        context = {"form": form, "then": request.POST.get("then", "")}
        return render(request, "components/upload.html", context, status=422)
    return _page(request, form, status=422)


def _store(request: PageRequest, form: UploadForm) -> TeamImage:
    team = team_of(request.actor, form.cleaned_data["team"], Role.DEPLOYER)
    file = form.cleaned_data["file"]
    if file.size > settings.MAX_IMAGE_BYTES:
        raise Refused(
            f"{file.name} has {file.size // 2**20} MB; {settings.MAX_IMAGE_BYTES // 2**20} MB are allowed."
        )
    return image_add(actor=request.actor, team=team, file=file, name=file.name)


def _stored(request: PageRequest, copy: TeamImage) -> HttpResponse:
    place = reverse("pages:images")
    if request.POST.get("then") == "deploy":
        place = reverse("pages:deploy-image", args=[copy.team.name, copy.image.digest])
    else:
        say(request, f"{copy.name} is in the store of {copy.team}.")
    return HttpResponseClientRedirect(place) if request.htmx else HttpResponseRedirect(place)


@page
@require_http_methods(["GET", "POST"])
def remove(request: PageRequest, team: str, digest: str) -> HttpResponse:
    """Ask, then take an image from a team."""
    copy = image_of(request.actor, team_of(request.actor, team), digest, Role.DEPLOYER)
    here = reverse("pages:images")
    if request.method == "GET":
        return render(request, "confirm.html", {"section": "images", "confirm": remove_question(copy)})
    try:
        image_remove(actor=request.actor, copy=copy)
    except ApplicationError as error:
        return refused(request, error, here)
    say(request, f"{copy.name} is removed from {copy.team}.")
    return HttpResponseRedirect(here)


def remove_question(copy: TeamImage) -> Confirm:
    """The question before an image is removed."""
    return Confirm(
        id=f"ask-remove-{copy.pk}",
        question=f"Remove {copy.name}?",
        text=f"The team {copy.team} no longer has these bytes. What runs goes on running.",
        button="Remove",
        action=reverse("pages:image-remove", args=[copy.team.name, copy.image.digest]),
        back=reverse("pages:images"),
        tone="danger",
    )
