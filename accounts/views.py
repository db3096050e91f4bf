"""Pages about teams, their members and tokens, and the one that makes the first superuser."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.core import ratelimit
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import member_of, team_of, token_of
from accounts.confirm import Confirm
from accounts.forms import InviteForm, RoleForm, SetupForm, TeamForm, TokenForm, TransferForm, blame
from accounts.invitations.pages import listed
from accounts.invitations.services import invitations_open, invite
from accounts.models import Membership, Role, Team, User
from accounts.pages import PersonRequest, page, sensitive
from accounts.requests import client_address
from accounts.services import (
    member_remove,
    member_set,
    needs_setup,
    second_factor_demand,
    setup_token_redeem,
    team_create,
    team_transfer,
    token_issue,
    token_list,
    token_revoke,
)
from mollymawk.errors import ApplicationError, Invalid, Refused

INVALID = 422  # status of a form that came back with what is wrong with it


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    """The first superuser; there only while there is none. Attempts are limited."""
    if not needs_setup():
        raise Http404
    form = SetupForm(request.POST or None, initial={"token": request.GET.get("token", "")})
    if request.method == "POST":
        if not ratelimit.consume(request, action="setup"):
            return too_many(request)
        if form.is_valid() and (user := _redeemed(request, form)):
            login(request, user)
            record_authentication(request, user, method="password")  # it was given a moment ago
            return redirect("/")
    return render(request, "accounts/setup.html", {"form": form}, status=INVALID if form.errors else 200)


def too_many(request: HttpRequest) -> HttpResponse:
    """The answer to too many attempts."""
    response: HttpResponse = ratelimit.respond_429(request)
    return response


def _redeemed(request: HttpRequest, form: SetupForm) -> User | None:
    data = form.cleaned_data
    try:
        return setup_token_redeem(
            token=data["token"],
            email=data["email"],
            password=data["password"],
            address=client_address(request),
        )
    except ApplicationError as error:
        blame(form, error)
        return None


# --- teams ---------------------------------------------------------------------------------------


@page
@require_http_methods(["GET", "POST"])
def teams(request: PersonRequest) -> HttpResponse:
    """My teams, and a form for another one."""
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = team_create(actor=request.actor, name=form.cleaned_data["name"])
        except ApplicationError as error:
            blame(form, error)
        else:
            return redirect("team", made.name)
    rows = Team.objects.filter(pk__in=[team.pk for team in request.actor.teams()])
    context = {
        "form": form,
        "rows": rows.annotate(people=Count("memberships")).order_by("name"),
        "roles": dict(request.user.memberships.values_list("team_id", "role")),
        "invitations": listed(request.user),
        "shut": [
            row.team
            for row in request.user.memberships.select_related("team")
            if not request.actor.all_powerful and request.actor.lacks_factor_for(row.team)
        ],
    }
    return render(request, "accounts/teams.html", context, status=INVALID if form.errors else 200)


@page
@require_http_methods(["GET", "POST"])
def team(request: PersonRequest, name: str) -> HttpResponse:
    """One team: who is in it, who is invited, and a form to invite somebody."""
    found = team_of(request.actor, name)
    form = InviteForm(request.POST or None, initial={"role": Role.VIEWER})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            made = invite(actor=request.actor, team=found, email=data["email"], role=Role(data["role"]))
        except (Invalid, Refused) as error:
            blame(form, error)
        else:
            messages.success(request, f"{made.email} is invited; the letter goes out now.")
            return redirect("team", found.name)
    owns = request.actor.role_in(found) == Role.OWNER
    context = {
        "team": found,
        "form": form,
        "members": _members(found),
        "invitations": invitations_open(found).order_by("email") if owns else [],
        "owns": owns,
        "role_names": Role.values,
    }
    return render(request, "accounts/team.html", context, status=INVALID if form.errors else 200)


def _members(team: Team) -> QuerySet[Membership]:
    """Who is in *team*, each with whether they have a second factor."""
    factors = Authenticator.objects.filter(user=OuterRef("user")).exclude(type="recovery_codes")
    rows = team.memberships.select_related("user").annotate(factor=Exists(factors))
    return rows.order_by("user__email")


@page
@require_POST
def member_role(request: PersonRequest, name: str, pk: int) -> HttpResponse:
    """Give a member another role."""
    found = team_of(request.actor, name)
    user = member_of(request.actor, found, pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise Invalid("There is no such role.")
    try:
        member_set(actor=request.actor, team=found, user=user, role=Role(form.cleaned_data["role"]))
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{user} is {form.cleaned_data['role']} in {found}.")
    return redirect("team", found.name)


@page
@require_http_methods(["GET", "POST"])
def member_leave(request: PersonRequest, name: str, pk: int) -> HttpResponse:
    """Take a member out, or leave: a question first."""
    found = team_of(request.actor, name)
    oneself = pk == request.user.pk
    user = request.user if oneself else member_of(request.actor, found, pk)
    if request.method == "POST":
        return _removed(request, found, user)
    tokens = "API tokens that you made for it are" if oneself else f"API tokens that {user} made for it are"
    confirm = Confirm(
        id="remove",
        question=f"Leave {found}?" if oneself else f"Take {user} out of {found}?",
        text=f"{tokens} revoked. What runs goes on running.",
        button="Leave" if oneself else "Take out",
        tone="danger",
        action=request.path,
        back=reverse("team", args=[found.name]),
    )
    return render(request, "confirm.html", {"confirm": confirm})


def _removed(request: PersonRequest, found: Team, user: User) -> HttpResponseRedirect:
    try:
        member_remove(actor=request.actor, team=found, user=user)
    except Refused as error:
        messages.error(request, str(error))
        return redirect("team", found.name)
    messages.success(request, f"{user} is no longer in {found}.")
    return redirect("team", found.name) if request.actor.role_in(found) else redirect("teams")


@page
@sensitive
@require_http_methods(["GET", "POST"])
def transfer(request: PersonRequest, name: str) -> HttpResponse:
    """Make another member the owner, in one step."""
    found = team_of(request.actor, name, Role.OWNER)
    others = User.objects.filter(memberships__team=found, is_active=True).exclude(pk=request.user.pk)
    form = TransferForm(request.POST or None, members=others)
    if request.method == "POST" and form.is_valid():
        try:
            member = team_transfer(actor=request.actor, team=found, user=form.cleaned_data["member"])
        except ApplicationError as error:
            blame(form, error)
        else:
            messages.success(request, f"{member.user} owns {found} now.")
            return redirect("team", found.name)
    context = {"team": found, "form": form, "others": others}
    return render(request, "accounts/transfer.html", context, status=INVALID if form.errors else 200)


@page
@require_POST
def second_factor(request: PersonRequest, name: str) -> HttpResponse:
    """Demand a second factor of the members, or no longer."""
    found = team_of(request.actor, name, Role.OWNER)
    demanded = request.POST.get("demanded") == "yes"
    try:
        second_factor_demand(actor=request.actor, team=found, demanded=demanded)
    except Refused as error:
        messages.error(request, str(error))
    else:
        sentence = (
            "Members need a second factor now." if demanded else "Members need no second factor any more."
        )
        messages.success(request, sentence)
    return redirect("team", found.name)


# --- tokens --------------------------------------------------------------------------------------


@page
@require_GET
def tokens_of_mine(request: PersonRequest) -> HttpResponse:
    """The tokens of the first team that is mine; the page leads to the others."""
    mine = _owned(request)
    own = next((team for team in mine if team.personal_of_id == request.user.pk), None)
    if not mine:
        return redirect("teams")
    return redirect("team-tokens", (own or mine[0]).name)


@page
@require_http_methods(["GET", "POST"])
def team_tokens(request: PersonRequest, name: str) -> HttpResponse:
    """A team's tokens, and a form for another one. A new token's text stands in the answer to the form
    and nowhere else: it isn't kept, so there is nothing to redirect to.
    """
    found = team_of(request.actor, name, Role.OWNER)
    form = TokenForm(request.POST or None)
    shown: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        try:
            token, text = token_issue(actor=request.actor, team=found, **form.wanted())
        except ApplicationError as error:
            blame(form, error)
        else:
            shown = {"made": token, "text": text}
            form = TokenForm()
    context = shown | {
        "team": found,
        "form": form,
        "tokens": token_list(found),
        "others": _owned(request),
        "site_url": settings.SITE_URL,
    }
    return render(request, "accounts/tokens.html", context, status=INVALID if form.errors else 200)


@page
@require_http_methods(["GET", "POST"])
def token_end(request: PersonRequest, name: str, key_id: str) -> HttpResponse:
    """Revoke a token: a question first."""
    found = team_of(request.actor, name)
    token = token_of(request.actor, found, key_id)
    back = reverse("team-tokens", args=[found.name])
    if request.method == "POST":
        token_revoke(actor=request.actor, token=token)
        messages.success(request, f"{token.name} is revoked.")
        return redirect(back)
    confirm = Confirm(
        id="revoke",
        question=f"Revoke {token.name}?",
        text="What uses it is refused from now on. This cannot be taken back.",
        button="Revoke",
        tone="danger",
        action=request.path,
        back=back,
    )
    return render(request, "confirm.html", {"confirm": confirm})


def _owned(request: PersonRequest) -> list[Team]:
    """The teams whose tokens *request*'s person may make: all of them, for superusers."""
    if request.actor.all_powerful:
        return request.actor.teams()
    return list(Team.objects.filter(memberships__user=request.user, memberships__role=Role.OWNER))
