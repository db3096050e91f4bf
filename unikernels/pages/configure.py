"""Configure: the same image with another configuration, by the same form as deploy."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from mollymawk.errors import Refused
from unikernels.access import unikernel_of, version_of
from unikernels.models import Unikernel, Version
from unikernels.operations import services
from unikernels.pages.changes import Change, answer, anyways_of, body_of, devices_of, offer_of, options_of
from unikernels.pages.configuration_form import ConfigurationForm
from unikernels.pages.deploy import memory_of
from unikernels.pages.quotas import planned
from unikernels.pages.request import PageRequest, page, refused
from unikernels.pages.same import Same, same
from unikernels.pages.shares import Share, share_of
from unikernels.versions import configuration_of


@page
@require_http_methods(["GET", "POST"])
def configure(request: PageRequest, pk: int) -> HttpResponse:
    """What it runs with, to be changed; ``?version=`` fills in an older configuration."""
    thing = unikernel_of(request.actor, pk, Role.DEPLOYER)
    here = reverse("pages:unikernel", args=[pk])
    if thing.team is None or thing.current is None or thing.state != Unikernel.Presence.RUNNING:
        return refused(
            request, Refused(f"{thing.name} does not run as a version of ours. Deploy it again."), here
        )
    if request.POST.get("action") == "leave":
        return HttpResponseRedirect(here)
    share = share_of(thing.team, thing.instance)
    current = Version.objects.select_related("image").get(pk=thing.current.pk)
    base = configuration_of(_wanted(request, thing, current))
    held = frozenset(str(block["host_device"]) for block in thing.observed.get("blocks", ()))
    offer = offer_of(thing.team, thing.instance, share, devices_of(current.image, base), held)
    form = ConfigurationForm(request.POST if request.method == "POST" else None, offer=offer, base=base)
    return answer(request, form, _change(request, thing, current, share))


def _wanted(request: PageRequest, thing: Unikernel, current: Version) -> Version:
    number = request.GET.get("version", "")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return current
    return version_of(request.actor, thing, int(number), Role.DEPLOYER)


def _change(request: PageRequest, thing: Unikernel, current: Version, share: Share) -> Change:
    def context(form: ConfigurationForm) -> dict[str, Any]:
        ready = form.is_bound and form.is_valid()
        present = int(thing.observed.get("memory", 0))
        return {
            "section": "unikernels",
            "unikernel": thing,
            "current": current,
            "anyways": anyways_of(thing, current),
            "team": thing.team,
            "place": thing.instance,
            "share": share,
            "meters": planned(share, memory_of(form), present),
            "same": _same(thing, form) if ready else None,
        }

    def asked(form: ConfigurationForm) -> dict[str, Any]:
        return {"actor": request.actor, "unikernel": thing, "configuration": form.configuration}

    return Change(
        template="configure.html",
        context=context,
        plan=lambda form: services.plan_configure(**asked(form)),
        go=lambda form, accept: services.configure(**asked(form), accept=accept),
    )


def _same(thing: Unikernel, form: ConfigurationForm) -> Same:
    configuration = form.configuration
    return same(
        "POST",
        f"/unikernels/{thing.pk}/configure/",
        body={"configuration": body_of(configuration)},
        command=f"configure {thing.name} --team {thing.team} --instance {thing.instance} {options_of(configuration)}",
        step=f"Configure {thing.name}",
    )
