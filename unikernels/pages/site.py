"""What the frame of a page needs, looked up only when it is drawn."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.db.models import F, Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.actors import Actor
from accounts.models import Team, User
from accounts.proof import factor_demanded
from accounts.requests import actor_of
from unikernels.access import operations_of
from unikernels.models import Freeze, QuotaRequest

THEMES = (("", "System"), ("light", "Light"), ("dark", "Dark"))
THEME_COOKIE = "theme"

MAX_FREEZES = 3  # banners; whoever sees many teams is told how many more there are

M = TypeVar("M", bound=Model)


class Freezes(NamedTuple):
    """The freezes that a page tells of, and how many more there are."""

    shown: list[Freeze]
    more: int


class Frame:
    """The frame of one page: who looks, at which team, in which theme."""

    version = settings.VERSION
    themes = THEMES

    def __init__(self, request: HttpRequest, actor: Actor | None) -> None:
        self.request, self.actor = request, actor

    @cached_property
    def theme(self) -> str:
        """``light``, ``dark`` or empty: as the system has it."""
        wanted = self.request.COOKIES.get(THEME_COOKIE, "")
        return wanted if wanted in {value for value, _ in THEMES} else ""

    @cached_property
    def teams(self) -> list[Team]:
        """The teams that can be looked at, by name."""
        return self.actor.teams() if self.actor else []

    @cached_property
    def team(self) -> Team | None:
        """The one team that is looked at, None: all of them. ``?team=name`` changes it for the session."""
        session = self.request.session
        if "team" in self.request.GET:
            asked = self.request.GET["team"]
            session["team"] = next((team.pk for team in self.teams if team.name == asked), None)
        wanted = session.get("team")
        return next((team for team in self.teams if team.pk == wanted), None) if wanted else None

    def of_team(self, things: QuerySet[M]) -> QuerySet[M]:
        """*things* of the team that is looked at."""
        return things.filter(team=self.team) if self.team else things

    @property
    def show_team(self) -> bool:
        """Whether lists need a column for the team."""
        return self.team is None and len(self.teams) > 1

    @cached_property
    def running(self) -> int:
        """How many operations are under way."""
        return operations_of(self.actor).filter(finished_at=None).count() if self.actor else 0

    @cached_property
    def asked(self) -> int:
        """How many requests for more wait for a superuser."""
        if self.actor is None or not self.actor.all_powerful:
            return 0
        return QuotaRequest.objects.filter(state=QuotaRequest.State.OPEN).count()

    @cached_property
    def freezes(self) -> Freezes:
        """What is frozen of what is looked at, the whole system first."""
        if self.actor is None:
            return Freezes([], 0)
        everything = self.actor.all_powerful and self.team is None
        teams = [self.team] if self.team else self.teams
        mine = Q() if everything else Q(team=None) | Q(team__in=teams)
        found = Freeze.objects.filter(mine).select_related("team")
        ordered = list(found.order_by(F("team").asc(nulls_first=True)))
        return Freezes(ordered[:MAX_FREEZES], len(ordered[MAX_FREEZES:]))

    @property
    def initials(self) -> str:
        """Two letters for the account button."""
        user = self.request.user
        if not isinstance(user, User):
            return ""
        words = (user.name or user.email.partition("@")[0]).replace(".", " ").replace("-", " ").split()
        return "".join(word[0] for word in words[:2]).upper() or "?"

    @property
    def links(self) -> dict[str, Any]:
        """Where the frame leads."""
        return links()


@lru_cache(maxsize=1)
def links() -> dict[str, Any]:
    """The addresses in the frame; they never change while we run."""
    names = ("overview", "unikernels", "images", "operations", "instances", "quotas", "theme", "help")
    account = [
        ("API tokens", reverse("tokens")),
        ("API", reverse("pages:reference")),
        ("Teams", reverse("teams")),
        ("Second factor", reverse("mfa_index")),
        ("Sessions", reverse("sessions")),
        ("Password", reverse("account_change_password")),
        ("Email", reverse("account_email")),
        ("Mail", reverse("mail")),
        ("Alerts", reverse("pages:alerts")),
        ("Log", reverse("pages:audit")),
        ("Quota", reverse("pages:quotas")),
        ("Block devices", reverse("pages:blocks")),
    ]
    return {
        **{name: reverse(f"pages:{name}") for name in names},
        "admin": reverse("admin:index"),
        "api": reverse("api:schema"),
        "logout": reverse("account_logout"),
        "account": [{"text": text, "href": href} for text, href in account],
    }


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: ``site``, for the frame of every page."""
    return {"site": getattr(request, "frame", None) or Frame(request, _actor(request))}


def _actor(request: HttpRequest) -> Actor | None:
    """Who looks at a page that is none of ours, if somebody is logged in."""
    user = getattr(request, "user", None)
    if not isinstance(user, User) or not user.is_active or factor_demanded(user):
        return None
    return actor_of(request)
