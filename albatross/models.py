"""An Albatross instance as we know it, and the policies last observed on it."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.utils import timezone

from albatross.messages import Policy

STALE_AFTER = timedelta(seconds=60)


class Instance(models.Model):
    """One Albatross installation. The facts about it are written by the watcher only."""

    class Status(models.TextChoices):
        """Whether the last inventory succeeded."""

        UNKNOWN = "unknown"
        ONLINE = "online"
        DEGRADED = "degraded"

    class Trouble(models.TextChoices):
        """What kind of error keeps an instance degraded."""

        NONE = ""
        NETWORK = "network"
        CERTIFICATE = "certificate"
        CREDENTIALS = "credentials"
        INCOMPATIBLE = "incompatible"

    name = models.CharField(max_length=63, unique=True)
    address = models.CharField(max_length=255, help_text="host:port, [IPv6]:port")
    server_ca = models.TextField(help_text="PEM of the CA that signed the server's certificate")
    certificate = models.TextField(help_text="PEM of the CA certificate we sign commands with")
    sealed_key = models.TextField(editable=False)
    check_networks = models.JSONField(
        default=list, blank=True, help_text="networks that liveness checks may reach beside global ones"
    )

    status = models.CharField(max_length=8, choices=Status, default=Status.UNKNOWN, editable=False)
    trouble = models.CharField(max_length=12, choices=Trouble, default="", blank=True, editable=False)
    trouble_text = models.TextField(blank=True, default="", editable=False)
    degraded_since = models.DateTimeField(null=True, editable=False)
    seen_at = models.DateTimeField(null=True, editable=False, help_text="last successful inventory")
    failures = models.PositiveIntegerField(default=0, editable=False)
    next_look_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)
    watcher = models.CharField(max_length=64, blank=True, default="", editable=False)
    watched_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def stale(self) -> bool:
        """Whether what we know of it is old."""
        return self.seen_at is None or timezone.now() - self.seen_at > STALE_AFTER


class Incident(models.Model):
    """One kind of trouble with an instance: the same error again only counts up."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="incidents")
    trouble = models.CharField(max_length=12, choices=Instance.Trouble)
    text = models.TextField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=1)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-last_at"]

    def __str__(self) -> str:
        return f"{self.instance}: {self.text}"


class Limits:
    """What a row of limits is on the wire."""

    unikernels: int
    memory: int
    block: int | None
    cpuids: list[int]
    bridges: list[str]

    def policy(self) -> Policy:
        """These limits as the wire's value."""
        return Policy(
            unikernels=self.unikernels,
            cpuids=frozenset(self.cpuids),
            memory=self.memory,
            block=self.block,
            bridges=frozenset(self.bridges),
        )


class ObservedPolicy(Limits, models.Model):
    """The limits of one domain (path, colon separated; empty: the root) as last seen."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="policies")
    path = models.CharField(max_length=511, blank=True)
    unikernels = models.BigIntegerField()
    memory = models.BigIntegerField(help_text="MB")
    block = models.BigIntegerField(null=True, help_text="MB; empty: no block devices allowed")
    cpuids = models.JSONField(default=list)
    bridges = models.JSONField(default=list)
    observed_at = models.DateTimeField()

    class Meta:
        ordering = ["instance", "path"]
        verbose_name_plural = "observed policies"
        constraints = [
            models.UniqueConstraint(fields=["instance", "path"], name="one_policy_per_path"),
        ]

    def __str__(self) -> str:
        return f"{self.instance} {self.path or 'root'}"
