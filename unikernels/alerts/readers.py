"""Who is told of an alert. Asked when it fires, and again when a letter is written: people leave."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.models import ApiToken, Role, User
from unikernels.alerts.models import Alert
from unikernels.alerts.rules import Rule


def readers_of(alert: Alert) -> QuerySet[User]:
    """Everybody who may log in and should hear of *alert*."""
    return User.objects.filter(_who(alert), is_active=True).distinct()


def _who(alert: Alert) -> Q:
    match Rule(alert.rule):
        case Rule.SILENT:
            concerned = Q(memberships__team__unikernels__instance=alert.instance_id)
            return Q(is_superuser=True) | concerned
        case Rule.TOKEN_WEEK | Rule.TOKEN_DAY:
            return _around_token(alert)
        case Rule.LOOP | Rule.MEMORY | Rule.CHECK | Rule.QUOTA:
            return Q(memberships__team=alert.team_id)
        case Rule.FAILED:
            return Q(pk=None)  # they had a letter when it ended


def _around_token(alert: Alert) -> Q:
    """The owners of the team, and the token's maker if still of the team or a superuser."""
    owners = Q(memberships__team=alert.team_id, memberships__role=Role.OWNER)
    token = ApiToken.objects.filter(key_id=alert.subject.partition(":")[2]).first()
    if token is None:
        return owners
    at_home = Q(memberships__team=alert.team_id) | Q(is_superuser=True)
    return owners | (Q(pk=token.created_by_id) & at_home)
