"""Moving bytes to and from a block device: the file first, then the plan, then the operation."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts.confirm import Confirm
from accounts.models import Role
from mollymawk import streaming
from mollymawk.errors import ApplicationError, Conflict, Refused
from unikernels.access import block_of
from unikernels.blocks.files import file_of, file_open, file_receive, file_remove, files_of
from unikernels.blocks.packing import Packing
from unikernels.blocks.transfers import block_download, block_upload, plan_block_upload
from unikernels.models import Block, BlockFile
from unikernels.pages.forms import BlockFileForm, show_error
from unikernels.pages.request import PageRequest, page, refused, say
from unikernels.pages.same import Same, same
from unikernels.templatetags.house import mebibytes

MAX_FILES = 20  # to choose from; the page of a block device has its own
MB = 2**20  # bytes; what Albatross counts block devices in

Plan = tuple[bool, bool, list[str]]  # the old content is kept, the new one is compared, the steps


@page
@require_http_methods(["GET", "POST"])
def upload(request: PageRequest, pk: int) -> HttpResponse:
    """Take a file in and measure it. The device is not touched: the plan comes next."""
    device = _changeable(request, pk)
    form = BlockFileForm(request.POST, request.FILES) if request.method == "POST" else BlockFileForm()
    if form.is_valid():
        try:
            return _received(request, device, **form.cleaned_data)
        except ApplicationError as error:
            show_error(form, error)
    context = {
        "section": "blocks",
        "device": device,
        "room": device.size * MB,
        "form": form,
        "files": files_of(request.actor, device)[:MAX_FILES],
        "same": _same_upload(device),
    }
    template = "block_upload.html#form" if request.htmx else "block_upload.html"
    return render(request, template, context, status=422 if form.errors else 200)


def _received(request: PageRequest, device: Block, *, file: UploadedFile[Any], packing: str) -> HttpResponse:
    assert device.team is not None
    kept = file_receive(
        actor=request.actor,
        team=device.team,
        name=file.name or device.name,
        pieces=file.chunks(),
        packing=Packing(packing),
    )
    place = reverse("pages:block-write", args=[device.pk, kept.pk])
    return HttpResponseClientRedirect(place) if request.htmx else HttpResponseRedirect(place)


@page
@require_http_methods(["GET", "POST"])
def write(request: PageRequest, pk: int, file_pk: int) -> HttpResponse:
    """What replacing the content would do, each way that can be chosen; then do it."""
    device = _changeable(request, pk)
    file = file_of(request.actor, file_pk, Role.DEPLOYER)
    if request.method == "GET":
        plans, refusals = _plans(request, device, file)
        return _plan(request, device, file, plans=plans, refusals=refusals)
    chosen = {"dump_first": "keep" in request.POST, "verify": "verify" in request.POST}
    try:
        operation = block_upload(actor=request.actor, block=device, file=file, **chosen)
    except Refused as error:
        return _plan(request, device, file, plans=[], refusals=error.reasons or [str(error)])
    except ApplicationError as error:
        return refused(request, error, reverse("pages:block", args=[pk]))
    return HttpResponseRedirect(reverse("pages:operation", args=[operation.pk]))


def _plan(
    request: PageRequest, device: Block, file: BlockFile, *, plans: list[Plan], refusals: list[str]
) -> HttpResponse:
    context = {
        "section": "blocks",
        "device": device,
        "file": file,
        "rest": device.size * MB - file.size,
        "plans": plans,
        "refusals": refusals,
        "same": _same_upload(device),
    }
    return render(request, "block_write.html", context, status=422 if request.method == "POST" else 200)


def _plans(request: PageRequest, device: Block, file: BlockFile) -> tuple[list[Plan], list[str]]:
    """The steps by whether the old content is kept and the new one is compared; and why none would work."""
    plan = partial(plan_block_upload, actor=request.actor, block=device, file=file)
    ways = product((True, False), repeat=2)
    try:
        return [(keep, verify, plan(dump_first=keep, verify=verify)) for keep, verify in ways], []
    except (Refused, Conflict) as error:
        return [], error.reasons or [str(error)]


@page
@require_http_methods(["GET", "POST"])
def download(request: PageRequest, pk: int) -> HttpResponse:
    """Ask, then have the content read into a file here."""
    device = _changeable(request, pk)
    if request.method == "GET":
        context = {"section": "blocks", "confirm": download_question(device)}
        return render(request, "confirm.html", context)
    try:
        operation = block_download(actor=request.actor, block=device)
    except ApplicationError as error:
        return refused(request, error, reverse("pages:block", args=[pk]))
    return HttpResponseRedirect(reverse("pages:operation", args=[operation.pk]))


def download_question(device: Block) -> Confirm:
    """The question before a content is read."""
    return Confirm(
        id=f"ask-download-{device.pk}",
        question=f"Download {device.name}?",
        text=f"Its {device.size:,} MB are read into a file here, which is kept for {settings.BLOCK_FILE_DAYS}"
        " days; then you download that. Until it is read nothing can be started with the device. What is broken"
        " off begins anew: Albatross cannot resume it.",
        button="Read it",
        action=reverse("pages:block-download", args=[device.pk]),
        back=reverse("pages:block", args=[device.pk]),
    )


def _changeable(request: PageRequest, pk: int) -> Block:
    device = block_of(request.actor, pk, Role.DEPLOYER)
    if device.team is None:
        raise Refused(f"{device} belongs to no team: it is shown here, and changed on the host.")
    return device


def _same_upload(device: Block) -> Same:
    return same(
        "POST",
        f"/blocks/{device.pk}/upload/?dump_first=true&verify=true",
        upload=f"{device.name}.img",
        command=f"block_upload {device} {device.instance} {device.name}.img --dump-first --verify",
        step=f"Replace what is on {device.name}",
    )


# --- files -------------------------------------------------------------------------------------------


@page
@require_GET
def content(request: PageRequest, pk: int) -> HttpResponse:
    """The bytes of a file that is kept here."""
    file = file_of(request.actor, pk, Role.DEPLOYER)
    pieces, size = file_open(actor=request.actor, file=file)
    answer = streaming.download(pieces, size=size, name=file.name)
    return cast("HttpResponse", answer)  # pages only add headers to it


@page
@require_http_methods(["GET", "POST"])
def file_delete(request: PageRequest, pk: int) -> HttpResponse:
    """Ask, then delete a file that is kept here. The device that it came from is not touched."""
    file = file_of(request.actor, pk, Role.DEPLOYER)
    here = _home(file)
    if request.method == "GET":
        return render(request, "confirm.html", {"section": "blocks", "confirm": file_question(file)})
    try:
        file_remove(actor=request.actor, file=file)
    except ApplicationError as error:
        return refused(request, error, here)
    say(request, f"{file.name} is deleted.")
    return HttpResponseRedirect(here)


def file_question(file: BlockFile) -> Confirm:
    """The question before a file is deleted."""
    return Confirm(
        id=f"ask-delete-{file.pk}",
        question=f"Delete {file.name}?",
        text=f"These {mebibytes(file.size)} are gone then. The block device itself is not touched.",
        button="Delete the file",
        action=reverse("pages:block-file-remove", args=[file.pk]),
        back=_home(file),
        tone="danger",
    )


def _home(file: BlockFile) -> str:
    """Where a file is shown."""
    return reverse("pages:block", args=[file.block_id]) if file.block_id else reverse("pages:blocks")
