"""The webhooks of a team, for its owners: where to, secrets, what was sent and what came back."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import team_of
from accounts.confirm import Confirm
from accounts.models import Role, Team
from mollymawk.errors import ApplicationError
from mollymawk.rest.pages import NEWEST_FIRST
from unikernels.pages.forms import show_error
from unikernels.pages.lists import listed
from unikernels.pages.request import PageRequest, page, refused, say
from unikernels.pages.webhook_forms import (
    RotateForm,
    WebhookForm,
    same_add,
    same_change,
    same_list,
    same_one,
    same_rotate,
)
from unikernels.webhooks.kinds import CHOICES
from unikernels.webhooks.models import Delivery, Webhook
from unikernels.webhooks.services import (
    MAX_WEBHOOKS,
    delivery_of,
    redeliver,
    webhook_add,
    webhook_change,
    webhook_of,
    webhook_ping,
    webhook_remove,
    webhook_rotate,
)

_BADGES = {
    Delivery.State.WAITING: ("busy", "waiting"),
    Delivery.State.DELIVERED: ("ok", "delivered"),
    Delivery.State.GIVEN_UP: ("bad", "given up"),
}


@page
@require_GET
def webhooks(request: PageRequest, team: str) -> HttpResponse:
    """All webhooks of a team."""
    found = team_of(request.actor, team, Role.OWNER)
    hooks = list(found.webhooks.order_by("pk"))
    context = {
        "team": found,
        "hooks": [(hook, _badge_of(hook)) for hook in hooks],
        "types": len(CHOICES),
        "room": len(hooks) < MAX_WEBHOOKS,
        "same": same_list(found),
    }
    return render(request, "webhooks.html", context)


@page
@require_GET
def webhook(request: PageRequest, pk: int) -> HttpResponse:
    """One webhook with its deliveries, newest first."""
    hook = webhook_of(request.actor, pk)
    rows = hook.deliveries.prefetch_related("attempts")
    context = _context(hook) | {
        "list": listed(request, rows, NEWEST_FIRST, _row),
        "confirm": _remove_question(hook),
        "same": same_one(hook),
    }
    return render(request, "webhook.html", context)


def _context(hook: Webhook) -> dict[str, Any]:
    return {"hook": hook, "team": hook.team, "badge": _badge_of(hook)}


def _badge_of(hook: Webhook) -> tuple[str, str]:
    if not hook.on:
        return ("bad", "switched off") if hook.off_reason else ("idle", "off")
    return ("warn", "failing") if hook.failing_since else ("ok", "on")


def _row(delivery: Delivery) -> dict[str, Any]:
    tries = list(delivery.attempts.all())
    return {
        "delivery": delivery,
        "badge": _BADGES[Delivery.State(delivery.state)],
        "last": tries[-1] if tries else None,
        "tries": len(tries),
        "waits": delivery.state == Delivery.State.WAITING,
    }


# --- changing ----------------------------------------------------------------------------------------


@page
@require_http_methods(["GET", "POST"])
def add(request: PageRequest, team: str) -> HttpResponse:
    """A new webhook. Its secret stands in the answer and nowhere else, so there is nothing to redirect to."""
    found = team_of(request.actor, team, Role.OWNER)
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            hook, secret = webhook_add(actor=request.actor, team=found, **form.cleaned_data)
        except ApplicationError as error:
            show_error(form, error)
        else:
            return _secret_page(request, hook, secret)
    return _form_page(request, form, found, None)


@page
@require_http_methods(["GET", "POST"])
def edit(request: PageRequest, pk: int) -> HttpResponse:
    """Change a webhook; its secret stays."""
    hook = webhook_of(request.actor, pk)
    form = WebhookForm(request.POST if request.method == "POST" else None, hook=hook)
    if form.is_valid():
        try:
            webhook_change(actor=request.actor, hook=hook, **form.cleaned_data)
        except ApplicationError as error:
            show_error(form, error)
        else:
            say(request, f"The webhook to {hook.host} is changed.")
            return HttpResponseRedirect(_page_of(hook))
    return _form_page(request, form, hook.team, hook)


def _form_page(request: PageRequest, form: WebhookForm, team: Team, hook: Webhook | None) -> HttpResponse:
    context = {
        "team": team,
        "hook": hook,
        "form": form,
        "same": same_change(hook) if hook else same_add(team),
    }
    return render(request, "webhook_form.html", context, status=422 if form.errors else 200)


@page
@require_http_methods(["GET", "POST"])
def rotate(request: PageRequest, pk: int) -> HttpResponse:
    """A new secret: a question first, and then the secret, once."""
    hook = webhook_of(request.actor, pk)
    form = RotateForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            secret = webhook_rotate(actor=request.actor, hook=hook, **form.cleaned_data)
        except ApplicationError as error:
            show_error(form, error)
        else:
            return _secret_page(request, hook, secret)
    context = _context(hook) | {"form": form, "same": same_rotate(hook)}
    return render(request, "webhook_rotate.html", context, status=422 if form.errors else 200)


def _secret_page(request: PageRequest, hook: Webhook, secret: str) -> HttpResponse:
    return render(request, "webhook_secret.html", _context(hook) | {"secret": secret})


@page
@require_http_methods(["GET", "POST"])
def remove(request: PageRequest, pk: int) -> HttpResponse:
    """Ask, then remove a webhook."""
    hook = webhook_of(request.actor, pk)
    if request.method == "GET":
        return render(request, "confirm.html", {"confirm": _remove_question(hook)})
    webhook_remove(actor=request.actor, hook=hook)
    say(request, f"The webhook to {hook.host} is removed.")
    return HttpResponseRedirect(reverse("pages:webhooks", args=[hook.team.name]))


def _remove_question(hook: Webhook) -> Confirm:
    return Confirm(
        id="ask-remove",
        question=f"Remove the webhook to {hook.host}?",
        text="Nothing more is sent there, and what was sent is forgotten.",
        button="Remove",
        action=reverse("pages:webhook-remove", args=[hook.pk]),
        back=_page_of(hook),
        tone="danger",
    )


def _page_of(hook: Webhook) -> str:
    return reverse("pages:webhook", args=[hook.pk])


# --- deliveries --------------------------------------------------------------------------------------


@page
@require_POST
def ping(request: PageRequest, pk: int) -> HttpResponse:
    """Send a test."""
    hook = webhook_of(request.actor, pk)
    try:
        made = webhook_ping(actor=request.actor, hook=hook)
    except ApplicationError as error:
        return refused(request, error, _page_of(hook))
    say(request, "A ping is on its way: what became of it stands here within seconds.")
    return HttpResponseRedirect(_delivery_page(made))


@page
@require_GET
def delivery(request: PageRequest, pk: int, delivery_pk: int) -> HttpResponse:
    """One delivery: what was sent, and every try."""
    hook = webhook_of(request.actor, pk)
    found = delivery_of(request.actor, hook, delivery_pk)
    context = _context(hook) | {
        "row": _row(found),
        "attempts": list(found.attempts.order_by("-pk")),
        "body": json.dumps(json.loads(found.body), indent=2, ensure_ascii=False),
        "same": same_one(hook, found),
    }
    return render(request, "webhook_delivery.html", context)


@page
@require_POST
def again(request: PageRequest, pk: int, delivery_pk: int) -> HttpResponse:
    """Send a delivery again."""
    hook = webhook_of(request.actor, pk)
    found = delivery_of(request.actor, hook, delivery_pk)
    try:
        redeliver(actor=request.actor, delivery=found)
    except ApplicationError as error:
        return refused(request, error, _delivery_page(found))
    say(request, "It is sent again within seconds.")
    return HttpResponseRedirect(_delivery_page(found))


def _delivery_page(found: Delivery) -> str:
    return reverse("pages:webhook-delivery", args=[found.webhook_id, found.pk])
