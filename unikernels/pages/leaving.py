"""Deleting a team or an account: the page says what that means before it is done."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.access import team_of, user_of, user_with
from accounts.models import Role, User
from accounts.pages import sensitive
from mollymawk.errors import ApplicationError, Unproven
from unikernels.leaving.services import team_delete, team_plan, user_delete, user_plan
from unikernels.pages.request import PageRequest, for_superusers, page, say
from unikernels.pages.same import same


@page
@sensitive
@require_http_methods(["GET", "POST"])
def delete_team(request: PageRequest, team: str) -> HttpResponse:
    """Delete a team, once its name was typed."""
    found = team_of(request.actor, team, Role.OWNER)
    back, leave = reverse("team", args=[found.name]), _leaves(request)
    plan = team_plan(actor=request.actor, team=found, leave=leave)
    if request.method == "POST" and not plan.refusals:
        if request.POST.get("typed", "").strip().lower() != found.name:
            messages.error(request, f"Type {found.name} to delete it.")
        else:
            try:
                left = team_delete(actor=request.actor, team=found, leave=leave)
            except Unproven:
                raise
            except ApplicationError as error:
                messages.error(request, " ".join([str(error), *error.reasons]))
                return HttpResponseRedirect(request.get_full_path())
            return _gone(request, f"The team {found.name} is deleted.", left, "teams")
    context = {
        "title": f"Delete the team {found}",
        "plan": plan,
        "type_in": found.name,
        "back": back,
        "leave": leave,
        "same": same("DELETE", f"/teams/{found.name}/", command=f"team_delete {found.name}"),
    }
    return render(request, "leaving.html", context, status=422 if request.method == "POST" else 200)


@page
@for_superusers
@sensitive
@require_http_methods(["GET", "POST"])
def delete_person(request: PageRequest, pk: int) -> HttpResponse:
    """Delete somebody else's account, as a superuser."""
    return _delete(request, user_with(request.actor, pk))


@page
@sensitive
@require_http_methods(["GET", "POST"])
def delete_account(request: PageRequest) -> HttpResponse:
    """Delete one's own account; who it is is asked for first, if that was long ago."""
    return _delete(request, request.user)


def _delete(request: PageRequest, user: User) -> HttpResponse:
    oneself, leave = user.pk == request.user.pk, _leaves(request)
    email = request.GET.get("heir", "").strip()
    heir = user_of(request.actor, email) if email and request.actor.all_powerful else None
    plan = user_plan(actor=request.actor, user=user, heir=heir, leave=leave)
    name = user.email
    if request.method == "POST" and not plan.refusals:
        if request.POST.get("typed", "").strip().lower() != name:
            messages.error(request, f"Type {name} to delete the account.")
        else:
            try:
                left = user_delete(actor=request.actor, user=user, heir=heir, leave=leave)
            except Unproven:
                raise
            except ApplicationError as error:
                messages.error(request, " ".join([str(error), *error.reasons]))
                return HttpResponseRedirect(request.get_full_path())
            if oneself:
                request.session.flush()  # nobody is left who could log out
                return redirect("account_login")
            return _gone(request, f"The account {name} is deleted.", left, "admin:accounts_user_changelist")
    context = {
        "title": "Delete your account" if oneself else f"Delete the account {name}",
        "plan": plan,
        "type_in": name,
        "back": reverse("account_email") if oneself else reverse("admin:accounts_user_changelist"),
        "leave": leave,
        "heir": email,
        "asks_heir": request.actor.all_powerful,
        "same": same("DELETE", f"/users/{user.pk}/", command=f"user_delete {name}"),
    }
    return render(request, "leaving.html", context, status=422 if request.method == "POST" else 200)


def _leaves(request: PageRequest) -> bool:
    """Whether what is on instances shall stay there; only superusers are offered that."""
    return request.actor.all_powerful and "leave" in request.GET


def _gone(request: PageRequest, text: str, left: list[str], where: str) -> HttpResponse:
    say(request, text)
    for trouble in left:
        messages.warning(request, trouble)
    return redirect(where)
