"""Rows of statistics.

A sample is written once, with those of all unikernels of its instance, as a ``Tick``. When an hour is
over its ticks are folded into one ``Stretch`` for each unikernel, and the means of five minutes into
the stretch of its day. So one row holds 360 (or 288) samples, and there are at most 24 + 31 rows of a
unikernel and 360 or so of an instance. See ``folding`` and ``grids``.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from albatross.models import Instance


class Tick(models.Model):
    """What the unikernels of an instance used at one time, until it is folded."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="ticks")
    at = models.BigIntegerField(help_text="s since 1970, our clock, a multiple of 10")
    data = models.BinaryField(help_text="see grids.pack_tick")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instance", "at"], name="one_tick_per_time")]

    def __str__(self) -> str:
        return f"{self.instance} at {self.at}"


class Stretch(models.Model):
    """What a unikernel used in one hour (step 10 s) or one day (step 300 s)."""

    unikernel = models.ForeignKey("Unikernel", on_delete=models.CASCADE, related_name="stretches")
    step = models.PositiveSmallIntegerField(help_text="seconds")
    start = models.BigIntegerField(help_text="s since 1970, our clock")
    data = models.BinaryField(help_text="see grids.Grid.pack")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unikernel", "step", "start"], name="one_stretch_per_time")
        ]
        indexes = [models.Index(fields=["step", "start"])]

    def __str__(self) -> str:
        return f"{self.unikernel} from {self.start}"


class Feed(models.Model):
    """How the subscription to the statistics of an instance stands, and its last hour for lists."""

    instance = models.OneToOneField(Instance, on_delete=models.CASCADE, related_name="feed")
    trouble_text = models.TextField(blank=True, default="", help_text="why nothing comes; empty: it does")
    trouble_since = models.DateTimeField(null=True)
    recent = models.BinaryField(default=bytes, help_text="CPU in each minute of an hour; see recent")
    minute = models.BigIntegerField(default=0, help_text="the last one in it, min since 1970")

    def __str__(self) -> str:
        return f"statistics of {self.instance}"


class Starts(models.Model):
    """The last starts of a unikernel that nobody here asked for, and whether they make a crash loop."""

    unikernel = models.OneToOneField("Unikernel", on_delete=models.CASCADE, related_name="starts")
    seen: models.JSONField[list[float], list[float]] = models.JSONField(
        default=list, help_text="s since 1970 by our clock, oldest first; see loops"
    )
    last_at = models.DateTimeField(default=timezone.now)
    looping_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.unikernel}: {len(self.seen)} starts"
