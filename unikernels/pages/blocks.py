"""Block devices: the list with its quota, creating one, the page of one, removing it."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import team_of
from accounts.models import Role
from mollymawk.errors import ApplicationError, Forbidden
from mollymawk.rest.pages import BY_NAME
from unikernels.access import block_of, blocks_of, instance_of, instances_of, quotas_of
from unikernels.blocks.services import block_add, block_remove
from unikernels.models import Block
from unikernels.pages.block_uses import askers_of, uses_of
from unikernels.pages.confirm import Confirm
from unikernels.pages.forms import BlockForm, show_error
from unikernels.pages.lists import Listed, listed
from unikernels.pages.request import PageRequest, page, refused, say
from unikernels.pages.same import same
from unikernels.pages.shares import Meter, shares_of

MAX_SHARES = 6  # bars; the page of quotas has all of them


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
        "meters": quotas_for(request),
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
    return HttpResponseRedirect(reverse("pages:block", args=[block.pk]))


def _body(request: PageRequest) -> dict[str, object]:
    team = request.frame.team.name if request.frame.team else "TEAM"
    return {"team": team, "instance": "INSTANCE", "name": "data", "size": 64}


def quotas_for(request: PageRequest) -> list[Meter]:
    """How full the shares of block devices are that are looked at: of each team on each instance."""
    quotas = request.frame.of_team(quotas_of(request.actor)).filter(block__isnull=False)
    shares = shares_of(quotas.order_by("instance__name", "team__name")[:MAX_SHARES])
    several = len({share.team for share in shares}) > 1
    return [
        replace(bar, label=f"{share.team} on {share.instance}" if several else f"On {share.instance}")
        for share in shares
        for bar in share.meters
        if bar.label == "Blocks"
    ]


@page
@require_GET
def block(request: PageRequest, pk: int) -> HttpResponse:
    """One block device: who uses it, what was moved to and from it."""
    thing = block_of(request.actor, pk)
    may_change = request.actor.role_in(thing.team) in {Role.DEPLOYER, Role.OWNER} and thing.team is not None
    context = {
        "section": "blocks",
        "device": thing,
        "uses": uses_of([thing])[thing.instance_id, thing.path, thing.name],
        "askers": askers_of(thing),
        "can_change": may_change,
        "dialogs": [remove_question(thing)] if may_change and not thing.active else [],
        "same": same("GET", f"/blocks/{pk}/", command=f"block_list {thing.name}"),
    }
    return render(request, "block.html", context)


@page
@require_http_methods(["GET", "POST"])
def remove(request: PageRequest, pk: int) -> HttpResponse:
    """Ask for the name, then remove it with what is on it."""
    block = block_of(request.actor, pk, Role.DEPLOYER)
    here = reverse("pages:block", args=[pk])
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
    return HttpResponseRedirect(reverse("pages:blocks"))


def remove_question(block: Block) -> Confirm:
    """The question before a block device is removed."""
    return Confirm(
        id=f"ask-remove-{block.pk}",
        question=f"Remove {block.name}?",
        text=f"The {block.size:,} MB on it are lost; nobody can bring them back.",
        button="Remove with its data",
        action=reverse("pages:block-remove", args=[block.pk]),
        back=reverse("pages:block", args=[block.pk]),
        tone="danger",
        type_in=block.name,
    )
