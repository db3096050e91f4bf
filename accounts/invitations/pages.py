"""Pages of invitations: an owner makes and withdraws them, whoever opens the link answers."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import invitation_of, team_of
from accounts.confirm import Confirm
from accounts.invitations.models import Invitation
from accounts.invitations.services import (
    invitation_accept,
    invitation_again,
    invitation_decline,
    invitation_withdraw,
    invitations_to,
)
from accounts.invitations.session import forget, invitation_in, remember
from accounts.models import User
from accounts.pages import PersonRequest, page
from accounts.people import address_verified
from accounts.requests import actor_of
from mollymawk.errors import ApplicationError, Forbidden, Missing, Refused

# --- owners ------------------------------------------------------------------------------------------


@page
@require_POST
def again(request: PersonRequest, name: str, pk: int) -> HttpResponse:
    """Another letter."""
    invitation = invitation_of(request.actor, team_of(request.actor, name), pk)
    try:
        invitation_again(actor=request.actor, invitation=invitation)
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Another letter goes to {invitation.email}; the link before it is void.")
    return redirect("team", invitation.team.name)


@page
@require_http_methods(["GET", "POST"])
def withdraw(request: PersonRequest, name: str, pk: int) -> HttpResponse:
    """Take an invitation back: a question first."""
    invitation = invitation_of(request.actor, team_of(request.actor, name), pk)
    back = reverse("team", args=[invitation.team.name])
    if request.method == "POST":
        invitation_withdraw(actor=request.actor, invitation=invitation)
        messages.success(request, f"{invitation.email} is no longer invited.")
        return redirect(back)
    confirm = Confirm(
        id="withdraw",
        question=f"Withdraw the invitation of {invitation.email}?",
        text="The link in the letter stops working.",
        button="Withdraw",
        tone="danger",
        action=request.path,
        back=back,
        stay="Let it stand",
    )
    return render(request, "confirm.html", {"confirm": confirm})


# --- whoever was invited -----------------------------------------------------------------------------


@never_cache
@require_GET
def link(request: HttpRequest, secret: str) -> HttpResponse:
    """The link in the letter. Looking changes nothing; the secret leaves the address bar."""
    if remember(request, secret) is None:
        return _over(request)
    return redirect("invitation")


@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest) -> HttpResponse:
    """The invitation whose link was opened: log in, register, accept or decline."""
    found = invitation_in(request)
    if found is None:
        return _over(request)
    if request.method == "POST" and request.user.is_authenticated:
        forget(request)
        return _answered(request, found)
    user = request.user if isinstance(request.user, User) else None
    context = {
        "invitation": found,
        "fits": user is not None and user.email == found.email,
        "next": reverse("invitation"),
    }
    return render(request, "accounts/invitation.html", context)


@page
@require_POST
def answer(request: PersonRequest, pk: int) -> HttpResponse:
    """Answer one that is listed on the page of teams, for a verified address."""
    found = next((row for row in listed(request.user) if row.pk == pk), None)
    if found is None:
        raise Missing("This invitation is over.")
    return _answered(request, found)


def listed(user: User) -> list[Invitation]:
    """The invitations that *user* may answer without the link: the address is known to be theirs."""
    return invitations_to(user) if address_verified(user) else []


def _answered(request: HttpRequest, found: Invitation) -> HttpResponse:
    actor = actor_of(request)
    try:
        if "decline" in request.POST:
            invitation_decline(actor=actor, invitation=found)
            messages.success(request, f"You declined to join {found.team}.")
            return redirect("teams")
        member = invitation_accept(actor=actor, invitation=found)
    except (Forbidden, Missing, Refused) as error:
        return _failed(request, error)
    messages.success(request, f"You are {member.role} in {found.team}.")
    return redirect("team", found.team.name)


def _failed(request: HttpRequest, error: ApplicationError) -> HttpResponse:
    messages.error(request, str(error))
    return redirect("teams")


def _over(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/invitation.html", {"invitation": None}, status=404)
