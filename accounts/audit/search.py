"""Finding events: the same filters for pages, API and commands, each with an index of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.access import team_of
from accounts.actors import Actor
from accounts.models import Event, Role, Team
from mollymawk.errors import Forbidden

# Numbers follow time but for the moment between taking the one and reading the other. Processes whose
# clocks differ by more than this would hide events at the edges of `since` and `until`.
SLACK = timedelta(hours=1)

# Hops along the index from one kind to the next: there are about a hundred, and millions of events.
_KINDS = """
WITH RECURSIVE seen(kind) AS (
  SELECT MIN(kind) FROM accounts_event
  UNION ALL
  SELECT (SELECT MIN(kind) FROM accounts_event WHERE kind > seen.kind) FROM seen WHERE seen.kind IS NOT NULL
) SELECT kind FROM seen WHERE kind IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events. Empty: any. *kind* is a whole one (``team.created``) or its first word (``team``);
    *since* is the first moment, *until* the first that is no longer meant.
    """

    team: str = ""
    who: str = ""
    kind: str = ""
    subject: str = ""
    credential: str = ""
    since: datetime | None = None
    until: datetime | None = None


def search(*, actor: Actor, wanted: Wanted) -> QuerySet[Event]:
    """The events that *actor* may read: owners those of their teams, superusers all of them.

    Raises ``Missing`` for a team that is not theirs, ``Forbidden`` for one in which they are no owner.
    """
    rows = _readable(actor, wanted.team)
    exact = {"who": wanted.who.strip().lower(), "subject": wanted.subject, "credential": wanted.credential}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if wanted.kind:
        rows = rows.filter(kind__in=[kind for kind in kinds() if _is_of(kind, wanted.kind)])
    return _between(rows, wanted.since, wanted.until).select_related("instance")


def kinds() -> list[str]:
    """Every kind of event that was ever written, by name."""
    with connection.cursor() as cursor:
        cursor.execute(_KINDS)
        return [kind for (kind,) in cursor.fetchall()]


def owned_teams(actor: Actor) -> list[Team]:
    """The teams whose events *actor*, a person, may read."""
    return [team for team in actor.teams() if actor.role_in(team) == Role.OWNER]


def _readable(actor: Actor, team: str) -> QuerySet[Event]:
    if actor.all_powerful:
        return _of_any_team(team) if team else Event.objects.all()
    if actor.token is not None:
        team = team or actor.token.team.name
    if team:
        return Event.objects.filter(team=team_of(actor, team, Role.OWNER))
    owned = owned_teams(actor)
    if not owned:
        raise Forbidden("The log of a team is for its owners.")
    return Event.objects.filter(team__in=owned)


def _of_any_team(name: str) -> QuerySet[Event]:
    """The events of a team, or of one that is gone."""
    team = Team.objects.filter(name=name.lower()).first()
    if team is not None:
        return Event.objects.filter(team=team)
    return Event.objects.filter(team=None, team_name=name.lower()).exclude(team_name="")


def _is_of(kind: str, wanted: str) -> bool:
    return kind == wanted or kind.startswith(f"{wanted}.")


def _between(rows: QuerySet[Event], since: datetime | None, until: datetime | None) -> QuerySet[Event]:
    """*rows* from *since* to *until*, in words that the order by number can follow, too."""
    if since is not None:
        before = (
            Event.objects.filter(at__lt=_shifted(since, -SLACK))
            .order_by("-at")
            .values_list("id", flat=True)
            .first()
        )
        rows = rows.filter(at__gte=since, id__gt=before or 0)
    if until is not None:
        after = (
            Event.objects.filter(at__gt=_shifted(until, SLACK))
            .order_by("at")
            .values_list("id", flat=True)
            .first()
        )
        rows = rows.filter(at__lt=until)
        rows = rows.filter(id__lt=after) if after else rows
    return rows


def _shifted(moment: datetime, by: timedelta) -> datetime:
    """*moment* and *by*, within what a calendar has."""
    try:
        return moment + by
    except OverflowError:
        return moment


def told(event: Event) -> dict[str, Any]:
    """An event as the API, exports and commands tell it."""
    return {
        "id": event.pk,
        "at": event.at,
        "kind": event.kind,
        "subject": event.subject,
        "who": event.who or None,
        "credential": event.credential,
        "address": event.address,
        "team": event.team_name or None,
        "instance": event.instance.name if event.instance else None,
        "operation": event.operation,
        "was": event.was,
        "now": event.now,
        "reason": event.reason,
        "data": event.data,
    }
