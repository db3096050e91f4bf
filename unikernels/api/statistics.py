"""What unikernels used: CPU, memory, network."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from mollymawk.errors import Invalid
from mollymawk.rest.schema import reads
from mollymawk.rest.shapes import Strict
from unikernels.access import instance_of, unikernel_of, unikernels_of
from unikernels.api.base import Endpoint
from unikernels.models import Unikernel
from unikernels.statistics.grids import HOUR, MEASURES, Grid, Values
from unikernels.statistics.models import Feed
from unikernels.statistics.reading import MAX_POINTS, STEPS, Change, good_step, last_change, series, total

INSTANCE_STEP = 60  # seconds at least: many unikernels are added up
MAX_SUMMED = 500  # unikernels of an instance that are added up
DIGITS = 4  # after the point: a hundredth of a percent of a CPU


class UsedOut(serializers.Serializer[Any]):
    """What was used in the mean; null: not known."""

    cpu = serializers.FloatField(allow_null=True, help_text="1 is the whole of one CPU")
    memory = serializers.FloatField(allow_null=True, help_text="resident, bytes")
    received = serializers.FloatField(allow_null=True, help_text="by the unikernel, bytes/s")
    sent = serializers.FloatField(allow_null=True, help_text="by the unikernel, bytes/s")


class PointOut(UsedOut):
    """What was used in the `step` seconds from a time on."""

    at = serializers.DateTimeField()


class ChangeOut(serializers.Serializer[Any]):
    """The last upgrade, configure or rollback, with the means of the hour before and the hour after."""

    operation = serializers.IntegerField()
    at = serializers.DateTimeField()
    before = UsedOut()
    after = UsedOut()


def used(values: Values) -> dict[str, float | None]:
    """Some values, as the API tells them."""
    return {
        name: None if value is None else round(value, DIGITS)
        for name, value in zip(MEASURES, values, strict=True)
    }


def moment(at: int) -> datetime:
    """A time in s since 1970."""
    return datetime.fromtimestamp(at, UTC)


def show_change(change: Change) -> dict[str, Any]:
    """The last change, as the API tells it."""
    return {
        "operation": change.operation.pk,
        "at": moment(change.at),
        "before": used(change.before),
        "after": used(change.after),
    }


class StatisticsQuery(Strict):
    """From when on, and how far apart."""

    since = serializers.DateTimeField(required=False, help_text="default: an hour ago")
    step = serializers.ChoiceField(
        STEPS,
        required=False,
        help_text=(
            "seconds; below 300 there is as much as STATISTICS_HOURS says, from 300 on STATISTICS_DAYS;"
            " default: what makes 750 points at most"
        ),
    )


def asked(query: dict[str, Any], now: int) -> tuple[int, int]:
    """Since when, and in which steps. Raises ``Invalid`` for too many of them."""
    since = int(query["since"].timestamp()) if "since" in query else now - HOUR
    step = query.get("step") or good_step(now - since)
    if (now - since) / step > MAX_POINTS:
        words = f"These are more than {MAX_POINTS:,} points: take a larger step or begin later."
        raise Invalid("Too much at once.", fields={"step": [words]})
    return since, step


def show_grid(grid: Grid, instance: int) -> dict[str, Any]:
    """What was used, as the API tells it."""
    feed = Feed.objects.filter(instance=instance).first()
    return {
        "since": moment(grid.start),
        "step": grid.step,
        "points": [{"at": moment(at), **used(values)} for at, values in grid.rows()],
        "trouble": feed.trouble_text if feed else "",
    }


class StatisticsOfInstance(Endpoint):
    """What is used on an instance."""

    class Out(serializers.Serializer[Any]):
        """The points in which anything is known, oldest first."""

        since = serializers.DateTimeField()
        step = serializers.IntegerField(help_text="seconds; 60 at least")
        points = PointOut(many=True)
        trouble = serializers.CharField(help_text="why nothing comes from the instance; empty: it does")

    @reads("readStatisticsOfInstance", query=StatisticsQuery, answer=Out)
    def get(self, request: Request, name: str) -> Response:
        """Read what those unikernels on an instance used together that the caller may see (500 at most)."""
        place, now = instance_of(self.actor, name), int(time.time())
        since, step = asked(self.query(StatisticsQuery), now)
        here = unikernels_of(self.actor).filter(instance=place).order_by("pk")
        keys = list(here.values_list("pk", flat=True)[:MAX_SUMMED])
        grid = total(place.pk, keys, since=since, until=now, step=max(step, INSTANCE_STEP))
        return Response(show_grid(grid, place.pk))


class Statistics(Endpoint):
    """The statistics of a unikernel."""

    class Out(serializers.Serializer[Any]):
        """The points in which anything is known, oldest first."""

        since = serializers.DateTimeField()
        step = serializers.IntegerField(help_text="seconds")
        points = PointOut(many=True)
        change = ChangeOut(allow_null=True)
        trouble = serializers.CharField(help_text="why nothing comes from the instance; empty: it does")

    @reads("readStatistics", query=StatisticsQuery, answer=Out)
    def get(self, request: Request, pk: int) -> Response:
        """Read what a unikernel used."""
        unikernel, now = unikernel_of(self.actor, pk), int(time.time())
        since, step = asked(self.query(StatisticsQuery), now)
        return Response(show_used(unikernel, since, step, now))


def show_used(unikernel: Unikernel, since: int, step: int, until: int) -> dict[str, Any]:
    """What *unikernel* used, as the API tells it."""
    change = last_change(unikernel)
    grid = series(unikernel, since=since, until=until, step=step)
    told = {"change": show_change(change) if change else None}
    return show_grid(grid, unikernel.instance_id) | told
