"""Unikernels as a list tells them, read with as little as possible."""

from __future__ import annotations

from typing import Any

from django.db.models import FilteredRelation, Q, QuerySet
from django.utils import timezone
from rest_framework import serializers

from albatross.models import STALE_AFTER
from unikernels.builds.status import Standing
from unikernels.models import Unikernel

# The list is asked for often and by programs: only these columns are read, and no model is made.
_COLUMNS = (
    "id",
    "name",
    "path",
    "state",
    "state_since",
    "unstable",
    "changed_outside",
    "digest",
    "started",
    "observed",
    "standing",
    "update_mode",
    "team__name",
    "instance__name",
    "instance__seen_at",
    "current__number",
    "starts__looping_since",
    "under_way__id",
    "under_way__kind",
    "under_way__state",
)


class OperationUnderWay(serializers.Serializer[Any]):
    """The unfinished operation of a unikernel."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.CharField()


class UnikernelSummary(serializers.Serializer[Any]):
    """A unikernel in a list: what is asked for and what the instance last reported."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    full_name = serializers.CharField(help_text="path and name on the instance")
    team = serializers.CharField(allow_null=True, help_text="null: unmanaged")
    instance = serializers.CharField()
    state = serializers.ChoiceField([presence.value for presence in Unikernel.Presence])
    since = serializers.DateTimeField(help_text="how long it is in this state")
    unstable = serializers.BooleanField(help_text="the last change failed and was taken back")
    changed_outside = serializers.BooleanField(help_text="it was changed by somebody else")
    crash_loop = serializers.BooleanField(help_text="it ends and is started again and again")
    stale = serializers.BooleanField(help_text="these facts are old")
    seen_at = serializers.DateTimeField(allow_null=True, help_text="the age of these facts")
    version = serializers.IntegerField(allow_null=True)
    digest = serializers.CharField(allow_null=True, help_text="SHA-256 of the image, as reported")
    memory = serializers.IntegerField(allow_null=True, help_text="MB")
    cpuids = serializers.ListField(child=serializers.IntegerField())
    started = serializers.IntegerField(allow_null=True, help_text="ms since 1970, the instance's clock")
    standing = serializers.ChoiceField(
        [standing.value for standing in Standing],
        allow_null=True,
        help_text="beside what its builder has; null: not asked",
    )
    update_mode = serializers.ChoiceField(Unikernel.UpdateMode.values)
    operation = OperationUnderWay(allow_null=True)


def summary(row: dict[str, Any]) -> dict[str, Any]:
    """A row of ``columns`` as the API tells it."""
    observed, seen_at = row["observed"], row["instance__seen_at"]
    under_way = {part: row[f"under_way__{part}"] for part in ("id", "kind", "state")}
    return {
        "id": row["id"],
        "name": row["name"],
        "full_name": f"{row['path']}:{row['name']}",
        "team": row["team__name"],
        "instance": row["instance__name"],
        "state": row["state"],
        "since": row["state_since"],
        "unstable": row["unstable"],
        "changed_outside": row["changed_outside"],
        "crash_loop": row["starts__looping_since"] is not None,
        "stale": seen_at is None or timezone.now() - seen_at > STALE_AFTER,
        "seen_at": seen_at,
        "version": row["current__number"],
        "digest": row["digest"] or None,
        "memory": observed.get("memory"),
        "cpuids": observed.get("cpuids", []),
        "started": row["started"],
        "standing": row["standing"] or None,
        "update_mode": row["update_mode"],
        "operation": under_way if under_way["id"] else None,
    }


def columns(rows: QuerySet[Unikernel]) -> QuerySet[Any, Any]:
    """What ``summary`` needs of *rows*, in one query."""
    under_way = FilteredRelation("operations", condition=Q(operations__finished_at__isnull=True))
    found: QuerySet[Any, Any] = rows.annotate(under_way=under_way).values(*_COLUMNS)
    return found
