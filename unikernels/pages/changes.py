"""What deploy and configure share: a form, then its plan, then going.

One page, one form, three buttons. ``plan`` shows the dry run (the input travels along, hidden);
``back`` shows the form again as it was; ``go`` asks the service, which plans again by itself.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse

from accounts.models import Team
from albatross.models import Instance
from mollymawk.errors import Conflict, Invalid, Refused
from unikernels.configuration import Configuration
from unikernels.images import store
from unikernels.models import Block, Build, Check, Image, Operation, Unikernel, Version
from unikernels.operations.plan import FAILING_CHECKS, NO_WAY_BACK, Plan
from unikernels.pages.configuration_form import ConfigurationForm, Offer
from unikernels.pages.forms import show_error
from unikernels.pages.request import PageRequest, refused
from unikernels.pages.shares import Share

_NOT_CARRIED = {"csrfmiddlewaretoken", "action", "accept"}


@dataclass(frozen=True, slots=True)
class Change:
    """How one kind of change is planned, done and drawn. ``context`` is what its template needs."""

    template: str
    context: Callable[[ConfigurationForm], dict[str, Any]]
    plan: Callable[[ConfigurationForm], Plan]
    go: Callable[[ConfigurationForm, frozenset[str]], Operation]


@dataclass(frozen=True, slots=True)
class Anyway:
    """What a person may say yes to beforehand; ``likely``: it looks as if that will be needed."""

    code: str
    text: str
    likely: bool = False


def anyways_of(unikernel: Unikernel, current: Version) -> list[Anyway]:
    """What could stand in the way of changing *unikernel*, and only be found out on the way."""
    states = set(unikernel.checks.values_list("state", flat=True))
    found = []
    if states:
        text = "Go on although its checks fail before anything is changed."
        found.append(Anyway(FAILING_CHECKS, text, Check.State.DOWN in states))
    if not store.held(current.digest):
        text = (
            "Go on when the image that runs cannot be fetched from the instance. There is no way back then."
        )
        found.append(Anyway(NO_WAY_BACK, text))
    return found


def devices_of(image: Image | Build | None, base: Configuration) -> list[tuple[str, str]]:
    """What *image* needs, as its manifest tells; where nobody tells (yet), what *base* has."""
    if image is not None and image.devices is not None:
        return [(str(name), str(kind)) for name, kind in image.devices]
    return [
        *((net.name, "net") for net in base.networks),
        *((block.name, "block") for block in base.blocks),
    ]


def offer_of(
    team: Team, instance: Instance, share: Share, devices: Sequence[tuple[str, str]], held: frozenset[str]
) -> Offer:
    """What there is to choose from for *devices*; *held* are block devices that the unikernel itself has."""
    blocks = Block.objects.filter(instance=instance, path=team.domain).order_by("name")
    free = [block for block in blocks if not block.active or block.name in held]
    return Offer(devices, share.limits, free)


def answer(request: PageRequest, form: ConfigurationForm, change: Change) -> HttpResponse:
    """The page for what was pressed."""
    action = request.POST.get("action", "")
    if not form.is_bound or action == "back":
        return draw(request, form, change)
    if not form.is_valid():
        return draw(request, form, change, status=422)
    try:
        return _go(request, form, change) if action == "go" else _plan(request, form, change)
    except Conflict as error:
        return refused(request, error, request.path)
    except Invalid as error:
        show_error(form, error)
        return draw(request, form, change, status=422)
    except Refused as error:
        return _draw_plan(request, form, change, _refusing(form, change, error), status=422)


def _plan(request: PageRequest, form: ConfigurationForm, change: Change) -> HttpResponse:
    return _draw_plan(request, form, change, change.plan(form))


def filled(form: ConfigurationForm) -> QueryDict:
    """What would be sent if somebody pressed a button of the fresh *form* at once."""
    data = QueryDict(mutable=True)
    for field in form:
        value = field.value()
        if isinstance(value, list | tuple):
            data.setlist(field.name, [str(item) for item in value])
        elif value is True:
            data[field.name] = "on"
        elif value not in (None, False):
            data[field.name] = str(value)
    return data


def _go(request: PageRequest, form: ConfigurationForm, change: Change) -> HttpResponse:
    operation = change.go(form, frozenset(request.POST.getlist("accept")))
    return HttpResponseRedirect(reverse("pages:operation", args=[operation.pk]))


def _refusing(form: ConfigurationForm, change: Change, error: Refused) -> Plan:
    """The plan again, when going was refused; what only the service knows is told in its words."""
    try:
        plan = change.plan(form)
    except Refused:
        plan = Plan()
    if plan.refusals or plan.questions:
        return plan
    return Plan(steps=plan.steps, refusals=tuple(error.reasons or [str(error)]), warnings=plan.warnings)


def draw(request: PageRequest, form: ConfigurationForm, change: Change, status: int = 200) -> HttpResponse:
    """The form, as it was filled in."""
    context = {**change.context(form), "form": form, "plan": None, "step": 2}
    return render(request, change.template, context, status=status)


def _draw_plan(
    request: PageRequest, form: ConfigurationForm, change: Change, plan: Plan, status: int = 200
) -> HttpResponse:
    carried = [
        (name, value)
        for name, values in form.data.lists()  # type: ignore[attr-defined]  # a QueryDict
        if name not in _NOT_CARRIED and not name.startswith("new-")
        for value in values
    ]
    context = {
        **change.context(form),
        "form": form,
        "plan": plan,
        "step": 3,
        "carried": carried,
        "accepted": set(request.POST.getlist("accept")),
        "told": told(form.configuration),
    }
    return render(request, change.template, context, status=status)


def told(configuration: Configuration) -> list[tuple[str, str]]:
    """A configuration in words, for the last look before going."""
    behaviour = configuration.fail_behaviour
    codes = ", ".join(map(str, sorted(behaviour.exit_codes)))
    restart = "never" if not behaviour.restart else f"on exit code {codes}" if codes else "always"
    lines = [
        *((f"Network {net.name}", str(net.bridge or net.name)) for net in configuration.networks),
        *((f"Block {block.name}", str(block.host_device or block.name)) for block in configuration.blocks),
        ("Memory", f"{configuration.memory:,} MB"),
        ("CPU ids", ", ".join(map(str, sorted(configuration.cpuids)))),
        ("Started again", restart),
    ]
    if configuration.startup is not None:
        lines.append(("Start-up order", str(configuration.startup)))
    if not configuration.add_name:
        lines.append(("Told its name", "no"))
    if configuration.may_exit:
        lines.append(("May end by itself", "yes"))
    return lines


def body_of(configuration: Configuration) -> dict[str, Any]:
    """The JSON form with the arguments, as the API takes it: for the person who typed them."""
    return configuration.to_json() | {"arguments": list(configuration.arguments)}


def options_of(configuration: Configuration) -> str:
    """The options of the commands ``deploy`` and ``configure``."""
    # With "=": an argument begins with hyphens itself.
    words = [f"--memory={configuration.memory}"]
    words += [f"--cpu={cpu}" for cpu in sorted(configuration.cpuids)]
    words += [f"--net={net.name}={net.bridge or net.name}" for net in configuration.networks]
    words += [f"--block={block.name}={block.host_device or block.name}" for block in configuration.blocks]
    words += [f"--arg={argument}" for argument in configuration.arguments]
    behaviour = configuration.fail_behaviour
    if behaviour.restart:
        words.append(f"--restart={','.join(map(str, sorted(behaviour.exit_codes))) or 'always'}")
    if configuration.startup is not None:
        words.append(f"--startup={configuration.startup}")
    if not configuration.add_name:
        words.append("--no-add-name")
    if configuration.may_exit:
        words.append("--may-exit")
    return shlex.join(words)
