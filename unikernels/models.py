"""What runs, what it was asked to run, and what is being done about it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team
from albatross.models import Instance
from albatross.names import Name
from unikernels.operations.machine import Kind, Running, State


class Image(models.Model):
    """Bytes in the store, addressed by the SHA-256 of their plain form. Teams see ``TeamImage``."""

    digest = models.CharField(max_length=64, unique=True)
    size = models.PositiveBigIntegerField(help_text="bytes, plain form")
    target = models.CharField(max_length=10, help_text="Solo5 ABI target")
    abi_version = models.PositiveIntegerField()
    devices = models.JSONField(help_text='manifest, in order: [["service", "net"], ...]')
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.digest[:8]


class TeamImage(models.Model):
    """An image as one team knows it; another team's copy of the same bytes is not told."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="images")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="copies")
    name = models.CharField(max_length=200, help_text="file name as given")
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-added_at"]
        constraints = [models.UniqueConstraint(fields=["team", "image"], name="one_copy_per_team")]

    def __str__(self) -> str:
        return self.name


class Unikernel(models.Model):
    """A named thing on an instance. ``team`` is empty for what belongs to nobody here (unmanaged).

    ``observed`` is what the instance last reported (without arguments, which are sealed apart);
    its age is that of ``instance.seen_at``.
    """

    class Presence(models.TextChoices):
        """What became of it."""

        NEW = "new"  # asked for, never seen yet
        RUNNING = "running"
        STOPPED = "stopped"  # by us
        MISSING = "missing"  # gone, not by us

    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="unikernels")
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="unikernels")
    path = models.CharField(max_length=511, help_text="colon separated; the first label is the domain")
    name = models.CharField(max_length=63)
    state = models.CharField(max_length=8, choices=Presence, default=Presence.NEW)
    state_since = models.DateTimeField(default=timezone.now)
    unstable = models.BooleanField(default=False)
    changed_outside = models.BooleanField(default=False)
    current = models.ForeignKey("Version", null=True, on_delete=models.PROTECT, related_name="+")

    digest = models.CharField(max_length=64, blank=True, default="", help_text="as reported")
    started = models.BigIntegerField(null=True, help_text="ms since 1970, the instance's clock")
    observed = models.JSONField(default=dict)
    sealed_arguments = models.TextField(blank=True, default="")
    fingerprint = models.CharField(max_length=64, blank=True, default="", help_text="of the whole report")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "path", "name"], name="one_unikernel_per_name"),
        ]
        indexes = [models.Index(fields=["team", "name", "id"])]

    def __str__(self) -> str:
        return str(self.full_name)

    @property
    def full_name(self) -> Name:
        """Its name on the instance."""
        return Name(tuple(self.path.split(":")) if self.path else (), self.name)


class Version(models.Model):
    """What a unikernel was asked to run: numbered, never changed. ``image`` is empty while the bytes
    of an adopted one are not held yet.
    """

    class Origin(models.TextChoices):
        """Where it came from."""

        UPLOAD = "upload"
        ADOPTED = "adopted"
        CONFIGURED = "configured"
        BUILD = "build"

    unikernel = models.ForeignKey(Unikernel, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    image = models.ForeignKey(Image, null=True, on_delete=models.PROTECT, related_name="versions")
    configuration = models.JSONField(help_text="everything but the arguments; see unikernels.configuration")
    sealed_arguments = models.TextField(help_text="sealed JSON list, or null")
    origin = models.CharField(max_length=10, choices=Origin)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ran_at = models.DateTimeField(null=True, help_text="when it was first verified to run")

    class Meta:
        ordering = ["unikernel", "-number"]
        constraints = [models.UniqueConstraint(fields=["unikernel", "number"], name="one_number_per_version")]

    def __str__(self) -> str:
        return f"{self.unikernel} v{self.number}"


class Operation(models.Model):
    """One change under way or done. Written only by ``unikernels.operations``.

    The lease (``lease_owner``, ``lease_until``, ``lease_count``) says who may act; every write of a
    holder repeats the count. ``armed_at`` is written right before the commit point, so that whoever
    comes after a crash knows that the outcome has to be looked up.
    """

    kind = models.CharField(max_length=14, choices=[(k.value, k.value) for k in Kind])
    state = models.CharField(max_length=12, choices=[(s.value, s.value) for s in State], default=State.CHECK)
    running = models.CharField(
        max_length=7, choices=[(r.value, r.value) for r in Running], blank=True, default=""
    )
    reason = models.TextField(blank=True, default="")
    unikernel = models.ForeignKey(Unikernel, on_delete=models.CASCADE, related_name="operations")
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="operations")
    target = models.ForeignKey(Version, null=True, on_delete=models.PROTECT, related_name="+")
    fallback = models.ForeignKey(Version, null=True, on_delete=models.PROTECT, related_name="+")
    going_back = models.BooleanField(default=False)
    accepted: models.JSONField[Any, Any] = models.JSONField(
        default=list, help_text="what the person said yes to: no-way-back, new-abi"
    )
    memo: models.JSONField[Any, Any] = models.JSONField(default=dict, help_text="see operations.facts.Memo")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    credential = models.CharField(max_length=100)
    cancel_asked_at = models.DateTimeField(null=True)
    armed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    deadline_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    lease_owner = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    lease_count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["unikernel"], condition=Q(finished_at__isnull=True), name="one_unfinished_operation"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(finished_at__isnull=True), name="operation_due"),
            models.Index(fields=["team", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.unikernel} #{self.pk}"


class Block(models.Model):
    """A block device as last seen on an instance."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="blocks")
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="blocks")
    path = models.CharField(max_length=511, blank=True)
    name = models.CharField(max_length=63)
    size = models.PositiveBigIntegerField(help_text="MB")
    active = models.BooleanField(default=False, help_text="in use by a running unikernel")

    class Meta:
        ordering = ["instance", "path", "name"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "path", "name"], name="one_block_per_name")
        ]

    def __str__(self) -> str:
        return str(self.full_name)

    @property
    def full_name(self) -> Name:
        """Its name on the instance."""
        return Name(tuple(self.path.split(":")) if self.path else (), self.name)
