"""Quotas: bars for teams, tables and grants for superusers."""

from __future__ import annotations

import json
import shlex
from itertools import groupby

from django.db.models import Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import team_of
from accounts.models import Quota
from accounts.pages import sensitive
from albatross.messages import Policy
from albatross.models import Instance
from mollymawk.errors import ApplicationError
from unikernels.access import instance_of, instances_of, quotas_of, unikernel_of
from unikernels.configuration import MAX_MEMORY
from unikernels.pages.forms import NumbersField, QuotaForm, show_error, words
from unikernels.pages.instance_shares import tables
from unikernels.pages.quota_requests import listed
from unikernels.pages.request import PageRequest, for_superusers, page, say, superusers_only
from unikernels.pages.same import Same, same
from unikernels.pages.shares import Meter, Share, root_policy, share_of, shares_of
from unikernels.quotas.consequences import consequences
from unikernels.quotas.models import QuotaRequest
from unikernels.quotas.requests import request_grant
from unikernels.quotas.services import policy_columns, policy_of, quota_grant
from unikernels.templatetags.house import ranges


@page
@require_GET
def quotas(request: PageRequest) -> HttpResponse:
    """What each team may use on each instance, and uses."""
    everything = request.actor.all_powerful
    instances = list(instances_of(request.actor).order_by("name")) if everything else []
    context = {
        "section": "quotas",
        "groups": [] if everything else _groups(request),
        "tables": tables(instances, request.frame.team),
        "everything": everything,
        "instances": instances,
        "requests": listed(request),
        "deploy_teams": request.actor.deploy_teams(),
        "same": same("GET", "/quotas/", command="quota_list"),
    }
    return render(request, "quotas.html", context)


def _groups(request: PageRequest) -> list[tuple[Instance, list[Share]]]:
    """A member's shares, by instance."""
    rows = request.frame.of_team(quotas_of(request.actor)).order_by("instance__name", "team__name")
    groups = groupby(shares_of(rows), key=lambda share: share.instance)
    return [(instance, list(these)) for instance, these in groups]


@page
@require_GET
def choose(request: PageRequest) -> HttpResponse:
    """From the two selects of the quota page to the form."""
    superusers_only(request)
    team = team_of(request.actor, request.GET.get("for", ""))
    instance = instance_of(request.actor, request.GET.get("on", ""))
    asked = request.GET.get("request", "")
    query = f"?request={asked}" if asked.isascii() and asked.isdigit() else ""
    return HttpResponseRedirect(reverse("pages:quota", args=[team.name, instance.name]) + query)


@page
@for_superusers
@sensitive
@require_http_methods(["GET", "POST"])
def quota(request: PageRequest, team: str, instance: str) -> HttpResponse:
    """Grant a team its share of an instance: what it means is shown before it is done."""
    share = share_of(team_of(request.actor, team), instance_of(request.actor, instance))
    asked = _asked(request, share)
    initial = _initial(share) | (_wanted(asked) if asked else {})
    form = QuotaForm(request.POST if request.method == "POST" else None, initial=initial)
    try:
        policy = policy_of(**form.cleaned_data) if form.is_valid() else None
        found = consequences(team=share.team, instance=share.instance, policy=policy) if policy else None
        if policy and found and not found.refusals and request.POST.get("seen") == _seal_of(policy):
            return _granted(request, _grant(request, share, policy, asked))
    except ApplicationError as error:
        show_error(form, error)
        policy = found = None
    context = {
        "section": "quotas",
        "share": share,
        "form": form,
        "asked": asked,
        "consequences": found,
        "seen": _seal_of(policy) if policy and found and not found.refusals else "",
        "root": root_policy(share.instance),
        "same": _same(share),
    }
    status = 422 if form.errors or (found and found.refusals) else 200
    return render(request, "quota_form.html", context, status=status)


def _asked(request: PageRequest, share: Share) -> QuotaRequest | None:
    """The open request that is answered with this grant."""
    pk = request.GET.get("request", "")
    if not (pk.isascii() and pk.isdigit() and len(pk) < 18):
        return None
    rows = QuotaRequest.objects.filter(pk=int(pk), team=share.team, state=QuotaRequest.State.OPEN)
    return (
        rows.filter(Q(instance=share.instance) | Q(instance=None)).select_related("team", "instance").first()
    )


def _wanted(asked: QuotaRequest) -> dict[str, object]:
    """What was asked for; what was not said stays as the form begins."""
    lists = {"cpuids": ranges(asked.cpuids), "bridges": ", ".join(asked.bridges)}
    return {
        "unikernels": asked.unikernels,
        "memory": asked.memory,
        "block": asked.block,
        **{name: text for name, text in lists.items() if getattr(asked, name)},
    }


def _seal_of(policy: Policy) -> str:
    """Which limits were looked at: others are shown first, before they are granted."""
    return json.dumps(policy_columns(policy), separators=(",", ":"))


def _grant(request: PageRequest, share: Share, policy: Policy, asked: QuotaRequest | None) -> Quota:
    actor = request.actor
    if asked is not None:
        answer = request.POST.get("answer", "")
        return request_grant(
            actor=actor, request=asked, instance=share.instance, policy=policy, answer=answer
        )
    return quota_grant(actor=actor, team=share.team, instance=share.instance, **policy_columns(policy))


def _granted(request: PageRequest, granted: Quota) -> HttpResponse:
    if granted.state == Quota.State.APPLIED:
        say(request, f"{granted.team} has this quota on {granted.instance}.")
    else:
        say(request, f"Granted, not applied yet: {granted.problem} Until then the lower figures hold.")
    return HttpResponseRedirect(reverse("pages:quotas"))


def _initial(share: Share) -> dict[str, object]:
    """What was granted, or what the instance enforces already, or the least that is of use."""
    policy = share.quota.policy() if share.quota else share.observed
    if policy is None:
        root = root_policy(share.instance)
        bridges = ", ".join(sorted(root.bridges)) if root else ""
        return {
            "unikernels": 4,
            "memory": 256,
            "cpuids": ranges(root.cpuids) if root and root.cpuids else "0",
            "bridges": bridges,
        }
    return {
        "unikernels": policy.unikernels,
        "memory": policy.memory,
        "block": policy.block,
        "cpuids": ranges(policy.cpuids) if policy.cpuids else "",
        "bridges": ", ".join(sorted(policy.bridges)),
    }


def _same(share: Share) -> Same:
    """The grant as it is, or the one that the form begins with."""
    given = _initial(share)
    cpuids = NumbersField(required=False).clean(given["cpuids"])
    bridges = words(str(given["bridges"]))
    body = {name: given.get(name) for name in ("unikernels", "memory", "block")}
    options = [f"--{name}={value}" for name, value in body.items() if value is not None]
    options += [*(f"--cpu={cpu}" for cpu in cpuids), *(f"--bridge={bridge}" for bridge in bridges)]
    return same(
        "PUT",
        f"/quotas/{share.team.name}/{share.instance.name}/",
        body=body | {"cpuids": cpuids, "bridges": bridges},
        command=shlex.join(["quota_set", share.team.name, share.instance.name, *options]),
    )


@page
@require_GET
def meters(request: PageRequest, team: str, instance: str) -> HttpResponse:
    """The bars of a share as they would be with ``?memory=`` more and without ``?without=`` a unikernel."""
    share = share_of(team_of(request.actor, team), instance_of(request.actor, instance))
    asked = request.GET.get("memory", "")
    more = min(int(asked), MAX_MEMORY) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
    without = request.GET.get("without", "")
    bars = planned(share, more, _memory(request, without) if without.isdigit() else None)
    return render(request, "components/meters.html", {"meters": bars})


def _memory(request: PageRequest, pk: str) -> int:
    return int(unikernel_of(request.actor, int(pk[:18])).observed.get("memory", 0))


def planned(share: Share, memory: int, instead_of: int | None) -> list[Meter]:
    """The bars of *share* with *memory* MB more; *instead_of*: the MB of the unikernel that it replaces."""
    bars = []
    for bar in share.meters:
        more = {"Memory": memory - (instead_of or 0), "Unikernels": instead_of is None}.get(bar.label, 0)
        bars.append(Meter(bar.label, bar.used + more, bar.limit, bar.unit))
    return bars
