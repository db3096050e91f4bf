"""What runs, what it was asked to run, and what is being done about it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Team
from albatross.models import Instance
from albatross.names import Name
from unikernels.alerts.models import Alert, Telling  # noqa: F401 - Django looks here
from unikernels.blocks.models import Block as Block  # noqa: PLC0414 - others take it from here
from unikernels.blocks.models import BlockFile as BlockFile  # noqa: PLC0414
from unikernels.operations.machine import Kind, Running, State
from unikernels.quotas.models import QuotaRequest as QuotaRequest  # noqa: PLC0414
from unikernels.statistics.models import Feed, Starts, Stretch, Tick  # noqa: F401 - Django looks here
from unikernels.webhooks.models import Attempt, Delivery, Webhook  # noqa: F401 - Django looks here


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

    class UpdateMode(models.TextChoices):
        """What happens when a newer build is there."""

        MANUAL = "manual"  # it is shown
        TELL = "tell"  # and told by mail
        AUTOMATIC = "automatic"  # and put in place in the maintenance window

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

    standing = models.CharField(
        max_length=11,
        blank=True,
        default="",
        help_text="beside its builder; see builds.status, empty: not asked",
    )
    newest = models.ForeignKey(
        "Build",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="what it can be upgraded to",
    )
    told = models.ForeignKey(
        "Build",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="the newest build that its team was told of by mail",
    )
    announced = models.ForeignKey(
        "Build",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="the newest build that webhooks were told of",
    )
    update_mode = models.CharField(max_length=9, choices=UpdateMode, default=UpdateMode.MANUAL)
    maintenance: models.JSONField[Any, Any] = models.JSONField(
        default=dict, help_text="when it may be upgraded by itself; see updates.calendar"
    )
    restart_after = models.PositiveSmallIntegerField(
        null=True, help_text="failed rounds of its checks after which it is restarted; empty: never"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "path", "name"], name="one_unikernel_per_name"),
        ]
        indexes = [
            models.Index(fields=["team", "name", "id"]),
            models.Index(fields=["name", "id"]),
            models.Index(fields=["team", "state_since", "id"]),  # ordering=-since
            models.Index(fields=["state_since", "id"]),  # the same over all teams
        ]

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
    build = models.ForeignKey("Build", null=True, on_delete=models.PROTECT, related_name="versions")
    pruned_at = models.DateTimeField(null=True, help_text="when its bytes were let go; the record stays")
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
    unikernel = models.ForeignKey(
        Unikernel,
        null=True,
        on_delete=models.CASCADE,
        related_name="operations",
        help_text="or a block device",
    )
    block = models.ForeignKey(Block, null=True, on_delete=models.SET_NULL, related_name="operations")
    block_name = models.CharField(
        max_length=575, blank=True, default="", help_text="in full; outlives the row"
    )
    instance = models.ForeignKey(
        Instance,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="that the block device is on",
    )
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
    cause = models.TextField(blank=True, default="", help_text="why the system itself asked for it")
    reverted = models.BooleanField(default=False, help_text="it succeeded, and was taken back in its window")
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
            models.UniqueConstraint(
                fields=["block"], condition=Q(finished_at__isnull=True), name="one_unfinished_transfer"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(finished_at__isnull=True), name="operation_due"),
            models.Index(fields=["finished_at"], condition=Q(state=State.FAILED), name="operation_failed"),
            models.Index(fields=["team", "-id"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} #{self.pk}"

    @property
    def name(self) -> str:
        """What it is about, in full: ``robur:hello``."""
        return str(self.unikernel.full_name) if self.unikernel else self.block_name

    @property
    def label(self) -> str:
        """The same without its path."""
        return self.name.rpartition(":")[2]

    @property
    def on(self) -> Instance:
        """The instance that it changes."""
        instance = self.unikernel.instance if self.unikernel else self.instance
        assert instance is not None  # a block transfer always has one
        return instance


class RollbackWindow(models.Model):
    """While it is open one press puts ``to`` back. Belongs to the unikernel, blocks nothing.

    Opened by an upgrade or configure that succeeded, closed (deleted) by its time or a later change.
    """

    unikernel = models.OneToOneField(Unikernel, on_delete=models.CASCADE, related_name="window")
    to = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="+")
    operation = models.ForeignKey(
        Operation, on_delete=models.CASCADE, related_name="+", help_text="its opener"
    )
    until = models.DateTimeField()
    started = models.BigIntegerField(null=True, help_text="the process that was verified")
    results: models.JSONField[Any, Any] = models.JSONField(
        default=list, help_text="last conclusive, oldest first"
    )
    due_at = models.DateTimeField(db_index=True, help_text="of the next round; who moves it does the round")

    def __str__(self) -> str:
        return f"{self.unikernel}: back to version {self.to.number} until {self.until:%H:%M:%S}"


# --- builds ------------------------------------------------------------------------------------------


class Builder(models.Model):
    """A builder-web server. The facts about it are written by the polling only."""

    name = models.CharField(max_length=63, unique=True)
    url = models.URLField(max_length=255, unique=True, help_text="base URL")
    ca = models.TextField(blank=True, default="", help_text="PEM of the CA of its certificate; empty: public")
    seen_at = models.DateTimeField(null=True, editable=False, help_text="last answer")
    failures = models.PositiveIntegerField(default=0, editable=False)
    retry_at = models.DateTimeField(null=True, editable=False, help_text="not asked before")
    trouble_text = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Build(models.Model):
    """A build of a builder, as it describes it. Never changed. ``devices`` is empty when it does not tell."""

    builder = models.ForeignKey(Builder, on_delete=models.PROTECT, related_name="builds")
    job = models.CharField(max_length=255)
    uuid = models.CharField(max_length=36)
    platform = models.CharField(max_length=63)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    digest = models.CharField(max_length=64, db_index=True, help_text="SHA-256 of its main binary, as stated")
    size = models.PositiveBigIntegerField(null=True, help_text="bytes, as stated")
    target = models.CharField(max_length=10, blank=True, default="")
    abi_version = models.PositiveIntegerField(null=True)
    devices: models.JSONField[Any, Any] = models.JSONField(
        null=True, help_text='as of Image: [["service", "net"], ...]'
    )

    class Meta:
        ordering = ["-started_at"]
        constraints = [models.UniqueConstraint(fields=["builder", "uuid"], name="one_row_per_build")]

    def __str__(self) -> str:
        return f"{self.job} {self.started_at:%Y-%m-%d %H:%M}"


class Standing(models.Model):
    """How one image stands at one builder, however many unikernels run it."""

    builder = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="standings")
    digest = models.CharField(max_length=64)
    standing = models.CharField(max_length=11, help_text="see builds.status")
    reasons: models.JSONField[Any, Any] = models.JSONField(default=list, help_text="sentences")
    found = models.ForeignKey(Build, null=True, on_delete=models.SET_NULL, related_name="+")
    newest = models.ForeignKey(Build, null=True, on_delete=models.SET_NULL, related_name="+")
    judged_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["builder", "digest"], name="one_standing_per_image")]

    def __str__(self) -> str:
        return f"{self.digest[:8]} at {self.builder}: {self.standing}"


class Lookup(models.Model):
    """A question to a builder that a person waits for: asked by a page, answered by a worker."""

    class What(models.TextChoices):
        """What is asked for, and its ``key``."""

        JOBS = "jobs"  # nothing
        BUILDS = "builds"  # the job
        CHANGES = "changes"  # two uuids: old/new

    builder = models.ForeignKey(Builder, on_delete=models.CASCADE, related_name="lookups")
    what = models.CharField(max_length=7, choices=What)
    key = models.CharField(max_length=255, blank=True)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, db_index=True)
    data: models.JSONField[Any, Any] = models.JSONField(null=True)
    trouble_text = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["builder", "what", "key"], name="one_row_per_question")
        ]

    def __str__(self) -> str:
        return f"{self.builder}: {self.what} {self.key}".strip()


# --- checks, updates ---------------------------------------------------------------------------------


class Check(models.Model):
    """A liveness check of a unikernel, and how it stands."""

    class Kind(models.TextChoices):
        """What it speaks."""

        HTTP = "http"
        DNS = "dns"
        TCP = "tcp"

    class State(models.TextChoices):
        """What the scheduled rounds say."""

        UNKNOWN = "unknown"
        UP = "up"
        DOWN = "down"

    unikernel = models.ForeignKey(Unikernel, on_delete=models.CASCADE, related_name="checks")
    name = models.CharField(max_length=63)
    kind = models.CharField(max_length=4, choices=Kind)
    settings: models.JSONField[Any, Any] = models.JSONField(help_text="see checks.settings")
    seconds = models.PositiveIntegerField(default=60, help_text="between two scheduled rounds")
    state = models.CharField(max_length=7, choices=State, default=State.UNKNOWN)
    state_since = models.DateTimeField(default=timezone.now)
    failures = models.PositiveIntegerField(default=0, help_text="conclusive ones in a row")
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["unikernel", "name"], name="one_check_per_name")]

    def __str__(self) -> str:
        return f"{self.name} of {self.unikernel}"


class CheckResult(models.Model):
    """One try of a check, with what it found."""

    class Outcome(models.TextChoices):
        """What it says about the unikernel."""

        PASSED = "passed"
        FAILED = "failed"
        INCONCLUSIVE = "inconclusive"  # we could not ask: it says nothing

    check_row = models.ForeignKey(
        Check, on_delete=models.CASCADE, related_name="results", db_column="check_id"
    )
    operation = models.ForeignKey(Operation, null=True, on_delete=models.SET_NULL, related_name="results")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=12, choices=Outcome)
    latency = models.FloatField(help_text="seconds")
    text = models.CharField(max_length=300)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["check_row", "-at"]), models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"{self.check_row}: {self.outcome}"


class Freeze(models.Model):
    """While it stands nothing is upgraded by itself: of one team, or (team empty) of the whole system."""

    team = models.OneToOneField(Team, null=True, on_delete=models.CASCADE, related_name="freeze")
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(Coalesce("team", 0), name="one_freeze_per_team_and_one_of_all")
        ]

    def __str__(self) -> str:
        return f"frozen: {self.team or 'everything'}"
