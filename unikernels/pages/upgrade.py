"""Upgrade: another image in place of what runs, by the same form, plan and go as deploy and configure.

What is put in place stands in the address: ``?build=`` (of a builder), ``?image=`` (digest of an uploaded
one) or ``?version=`` (one that was kept; its plan comes first, as there is nothing to fill in). With none
of them the page offers what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Role
from mollymawk.errors import ApplicationError, Refused
from mollymawk.rest.pages import NEWEST_FIRST
from unikernels.access import image_of, images_of, unikernel_of, version_of
from unikernels.builds.services import build_of, builders_of
from unikernels.models import Build, Image, Unikernel, Version
from unikernels.operations import services
from unikernels.pages.changes import (
    Change,
    answer,
    anyways_of,
    body_of,
    devices_of,
    draw,
    filled,
    offer_of,
    options_of,
)
from unikernels.pages.configuration_form import ConfigurationForm
from unikernels.pages.deploy import memory_of, sent
from unikernels.pages.lists import listed
from unikernels.pages.quotas import planned
from unikernels.pages.request import PageRequest, page, refused
from unikernels.pages.same import Same, same
from unikernels.pages.shares import Share, share_of
from unikernels.pages.standing import Newer, newer_of
from unikernels.versions import configuration_of

MAX_NUMBER = 19  # digits of a number in an address


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be put in place: the thing, what it is called, and how the API names it."""

    to: Build | Image | Version
    title: str
    body: dict[str, Any]
    option: str

    @property
    def image(self) -> Image | Build | None:
        """Whose manifest tells the devices."""
        if isinstance(self.to, Version):
            return self.to.image or self.to.build
        return self.to


@page
@require_http_methods(["GET", "POST"])
def upgrade(request: PageRequest, pk: int) -> HttpResponse:
    """Choose, fill in, see the plan, go."""
    thing = unikernel_of(request.actor, pk, Role.DEPLOYER)
    here = reverse("pages:unikernel", args=[pk])
    if thing.team is None or thing.current is None or thing.state != Unikernel.Presence.RUNNING:
        return refused(
            request, Refused(f"{thing.name} does not run as a version of ours. Deploy it again."), here
        )
    target = _target(request, thing)
    if target is None:
        return _choose(request, thing)
    data, problem, making = sent(request, thing.team, thing.instance)
    share = share_of(thing.team, thing.instance)
    base = configuration_of(target.to if isinstance(target.to, Version) else thing.current)
    held = frozenset(str(block["host_device"]) for block in thing.observed.get("blocks", ()))
    offer = offer_of(thing.team, thing.instance, share, devices_of(target.image, base), held)
    form = ConfigurationForm(data, offer=offer, base=base)
    if request.method == "GET" and isinstance(target.to, Version):
        form = ConfigurationForm(filled(form), offer=offer, base=base)
    change = _change(request, thing, target, share, problem)
    return draw(request, form, change) if making else answer(request, form, change)


# --- what is put in place ----------------------------------------------------------------------------


def _target(request: PageRequest, thing: Unikernel) -> Target | None:
    asked = request.GET
    if _is_number(number := asked.get("version", "")):
        return _of_version(version_of(request.actor, thing, int(number), Role.DEPLOYER))
    if _is_number(number := asked.get("build", "")):
        return _of_build(build_of(request.actor, int(number)))
    if digest := asked.get("image", ""):
        assert thing.team is not None
        copy = image_of(request.actor, thing.team, digest, Role.DEPLOYER)
        digest = copy.image.digest
        return Target(copy.image, copy.name, {"image": digest}, f"--image {digest}")
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < MAX_NUMBER


def _of_version(version: Version) -> Target:
    number = version.number
    return Target(version, f"version {number}", {"version": number}, f"--to-version {number}")


def _of_build(build: Build) -> Target:
    title = f"the build of {build.started_at:%Y-%m-%d %H:%M} UTC"
    body = {"server": build.builder.name, "job": build.job, "build": build.uuid}
    return Target(build, title, {"build": body}, f"--build {build.builder.name}/{build.job}/{build.uuid}")


# --- form, plan, go ----------------------------------------------------------------------------------


def _change(request: PageRequest, thing: Unikernel, target: Target, share: Share, problem: str) -> Change:
    newer = newer_of(thing)

    def context(form: ConfigurationForm) -> dict[str, Any]:
        ready = form.is_bound and form.is_valid()
        return {
            "section": "unikernels",
            "unikernel": thing,
            "target": target,
            "anyways": anyways_of(thing, thing.current) if thing.current else [],
            "problem": problem,
            "build": target.to if isinstance(target.to, Build) else None,
            "kept": isinstance(target.to, Version),
            "newer": newer if newer and newer.build == target.to else None,
            "unknown_needs": target.image is None or target.image.devices is None,
            "team": thing.team,
            "place": thing.instance,
            "share": share,
            "meters": planned(share, memory_of(form), int(thing.observed.get("memory", 0))),
            "same": _same(thing, target, form) if ready else None,
        }

    def asked(form: ConfigurationForm) -> dict[str, Any]:
        return {
            "actor": request.actor,
            "unikernel": thing,
            "to": target.to,
            "configuration": form.configuration,
        }

    return Change(
        template="upgrade.html",
        context=context,
        plan=lambda form: services.plan_upgrade(**asked(form)),
        go=lambda form, accept: services.upgrade(**asked(form), accept=accept),
    )


def _same(thing: Unikernel, target: Target, form: ConfigurationForm) -> Same:
    where = f"--team {thing.team} --instance {thing.instance}"
    return same(
        "POST",
        f"/unikernels/{thing.pk}/upgrade/",
        body={**target.body, "configuration": body_of(form.configuration)},
        command=f"upgrade {thing.name} {where} {target.option} {options_of(form.configuration)}",
        step=f"Upgrade {thing.name}",
    )


# --- choosing ----------------------------------------------------------------------------------------


def _choose(request: PageRequest, thing: Unikernel) -> HttpResponse:
    """What there is to upgrade to."""
    images = images_of(request.actor).filter(team=thing.team).exclude(image__digest=thing.digest)
    newer = newer_of(thing)
    context = {
        "section": "unikernels",
        "unikernel": thing,
        "newer": newer,
        "can_change": True,
        "list": listed(request, images, NEWEST_FIRST, lambda copy: copy),
        "builders": builders_of(request.actor),
        "known": _known(thing, newer),
        "same": same(
            "GET",
            f"/unikernels/{thing.pk}/versions/",
            command=f"versions {thing.name} --team {thing.team} --instance {thing.instance}",
        ),
    }
    return render(request, "upgrade_choose.html", context)


def _known(thing: Unikernel, newer: Newer | None) -> Build | None:
    """A build whose job is the one to look through first."""
    if newer is not None:
        return newer.build
    return thing.current.build if thing.current else None


# --- the way back ------------------------------------------------------------------------------------


@page
@require_POST
def rollback(request: PageRequest, pk: int) -> HttpResponse:
    """One press while the window is open; there is no question, as time counts."""
    thing = unikernel_of(request.actor, pk, Role.DEPLOYER)
    try:
        operation = services.rollback(actor=request.actor, unikernel=thing)
    except ApplicationError as error:
        return refused(request, error, reverse("pages:unikernel", args=[pk]))
    return HttpResponseRedirect(reverse("pages:operation", args=[operation.pk]))
