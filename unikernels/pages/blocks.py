"""Block devices: the list with its quota, creating one, the page of one, removing it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import team_of
from accounts.confirm import Confirm
from accounts.models import Role
from mollymawk.errors import ApplicationError, Forbidden
from mollymawk.rest.pages import BY_NAME
from unikernels.access import block_of, blocks_of, instance_of, instances_of, quotas_of
from unikernels.blocks.files import files_of
from unikernels.blocks.services import block_add, block_remove
from unikernels.blocks.uses import Use, askers_of, uses_of
from unikernels.models import Block, BlockFile
from unikernels.pages.block_transfers import MAX_FILES, download_question
from unikernels.pages.block_words import Transfer, device_badge, last_of, transfers_of
from unikernels.pages.forms import BlockForm, show_error
from unikernels.pages.lists import Listed, listed
from unikernels.pages.request import PageRequest, page, refused, say
from unikernels.pages.same import Same, same
from unikernels.pages.shares import Meter, shares_of
from unikernels.pages.words import Badge

MAX_SHARES = 6  # bars; the page of quotas has all of them


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list."""

    device: Block
    uses: list[Use]
    last: Transfer | None
    badge: Badge


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
    context = {
        "section": "blocks",
        "list": found,
        "rows": _lines(found.items),
        "form": form if teams else None,
        "meters": quotas_for(request),
        "files": _files(request),
        "days": settings.BLOCK_FILE_DAYS,
        "deploy_teams": {team.pk for team in teams},
        "same": _same_create(request),
    }
    return render(request, "blocks.html", context, status=422 if form.errors else 200)


def _lines(devices: list[Block]) -> list[Line]:
    uses, transfers = uses_of(devices), last_of(devices)
    return [
        Line(
            device,
            uses[device.instance_id, device.path, device.name],
            transfers.get(device.pk),
            device_badge(device, transfers.get(device.pk)),
        )
        for device in devices
    ]


def _files(request: PageRequest) -> list[BlockFile]:
    """The newest files of the teams that are looked at."""
    team = request.frame.team
    found = files_of(request.actor)
    return [file for file in found if team is None or file.team == team][:MAX_FILES]


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


def _same_create(request: PageRequest) -> Same:
    team = request.frame.team.name if request.frame.team else "TEAM"
    return same(
        "POST",
        "/blocks/",
        body={"team": team, "instance": "INSTANCE", "name": "data", "size": 64},
        command=f"block_add data INSTANCE 64 --team {shlex.quote(team)}",
        step="Create the block device",
    )


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
    """One block device: who uses it, what is moved to and from it, the files kept of it."""
    device = block_of(request.actor, pk)
    may_change = request.actor.role_in(device.team) in {Role.DEPLOYER, Role.OWNER} and device.team is not None
    transfers = transfers_of(device)
    under_way = next((each for each in transfers if not each.ended), None)
    idle = may_change and not device.active and not under_way
    context = {
        "section": "blocks",
        "device": device,
        "badge": device_badge(device, under_way),
        "uses": uses_of([device])[device.instance_id, device.path, device.name],
        "askers": askers_of(device),
        "transfers": transfers,
        "under_way": under_way,
        "files": list(device.files.all()[:MAX_FILES]),
        "days": settings.BLOCK_FILE_DAYS,
        "deploy_teams": {device.team_id} if may_change else set(),
        "can_change": may_change,
        "idle": idle,
        "dialogs": [download_question(device), remove_question(device)] if idle else [],
        "same": same("GET", f"/blocks/{pk}/", command="block_list"),
    }
    return render(request, "block.html#live" if request.htmx else "block.html", context)


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
