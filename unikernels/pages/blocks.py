"""Block devices: list, create with a size, remove."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import team_of
from accounts.models import Role
from mollymawk.errors import ApplicationError, Forbidden
from mollymawk.rest.pages import BY_NAME
from unikernels.access import block_of, blocks_of, instance_of, instances_of
from unikernels.blocks.services import block_add, block_remove
from unikernels.models import Block, Unikernel
from unikernels.pages.confirm import Confirm
from unikernels.pages.forms import BlockForm, show_error
from unikernels.pages.images import Use
from unikernels.pages.lists import Listed, listed
from unikernels.pages.request import PageRequest, page, refused, say
from unikernels.pages.same import same


@page
@require_http_methods(["GET", "POST"])
def blocks(request: PageRequest) -> HttpResponse:
    """The block devices of the teams, and the form to create one."""
    teams = request.actor.deploy_teams()
    form = BlockForm(
        request.POST if request.method == "POST" else None,
        teams=teams,
        instances=list(instances_of(request.actor).order_by("name")),
        team=request.frame.team,
    )
    if request.method == "POST" and not teams:
        raise Forbidden("Your role in these teams is viewer; this needs deployer.")
    if form.is_valid():
        try:
            return _create(request, form)
        except ApplicationError as error:
            show_error(form, error)
    found: Listed[Block] = listed(
        request, request.frame.of_team(blocks_of(request.actor)), BY_NAME, lambda b: b
    )
    uses = uses_of(found.items)
    context = {
        "section": "blocks",
        "list": found,
        "rows": [(block, uses[block.instance_id, block.path, block.name]) for block in found.items],
        "form": form if teams else None,
        "deploy_teams": {team.pk for team in teams},
        "same": same("POST", "/blocks/", body=_body(request), step="Create the block device"),
    }
    return render(request, "blocks.html", context, status=422 if form.errors else 200)


def _create(request: PageRequest, form: BlockForm) -> HttpResponse:
    given = form.cleaned_data
    block = block_add(
        actor=request.actor,
        team=team_of(request.actor, given["team"], Role.DEPLOYER),
        instance=instance_of(request.actor, given["instance"]),
        name=given["name"],
        megabytes=given["megabytes"],
    )
    say(request, f"{block.name} with {block.size:,} MB is made on {block.instance}.")
    return HttpResponseRedirect(reverse("pages:blocks"))


def _body(request: PageRequest) -> dict[str, object]:
    team = request.frame.team.name if request.frame.team else "TEAM"
    return {"team": team, "instance": "INSTANCE", "name": "data", "size": 64}


def uses_of(found: Iterable[Block]) -> dict[tuple[int, str, str], list[Use]]:
    """Which running unikernels have these block devices, by instance, path and name."""
    active = {(block.instance_id, block.path) for block in found if block.active}
    uses: dict[tuple[int, str, str], list[Use]] = defaultdict(list)
    holders = Unikernel.objects.filter(
        instance__in={place for place, _ in active}, path__in={path for _, path in active}
    )
    for pk, name, instance, path, observed in holders.values_list(
        "pk", "name", "instance", "path", "observed"
    ):
        for held in observed.get("blocks", ()):
            uses[instance, path, held["host_device"]].append(Use(pk, name))
    return uses


@page
@require_http_methods(["GET", "POST"])
def remove(request: PageRequest, pk: int) -> HttpResponse:
    """Ask for the name, then remove it with what is on it."""
    block = block_of(request.actor, pk, Role.DEPLOYER)
    here = reverse("pages:blocks")
    if request.method == "GET" or request.POST.get("typed") != block.name:
        status = 200 if request.method == "GET" else 422
        return render(
            request, "confirm.html", {"section": "blocks", "confirm": remove_question(block)}, status=status
        )
    try:
        block_remove(actor=request.actor, block=block)
    except ApplicationError as error:
        return refused(request, error, here)
    say(request, f"{block.name} is removed from {block.instance}.")
    return HttpResponseRedirect(here)


def remove_question(block: Block) -> Confirm:
    """The question before a block device is removed."""
    return Confirm(
        id=f"ask-remove-{block.pk}",
        question=f"Remove {block.name}?",
        text=f"The {block.size:,} MB on it are lost; nobody can bring them back.",
        button="Remove with its data",
        action=reverse("pages:block-remove", args=[block.pk]),
        back=reverse("pages:blocks"),
        tone="danger",
        type_in=block.name,
    )
