"""People, teams, what they may use, how programs act for them, and what happened."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property

from accounts.audit.models import Link  # noqa: F401 - Django looks here
from accounts.invitations.models import Invitation as Invitation  # noqa: PLC0414 - Django looks here
from accounts.mail.models import QuietHours  # noqa: F401 - Django looks here
from accounts.publishers.models import Issuer, Publisher, SpentIdentity  # noqa: F401 - Django looks here
from albatross.models import Instance, Limits


class UserManager(BaseUserManager["User"]):
    """Makes users; everything else about them goes through ``accounts.services``."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A new user with a normalised address."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A new user who may do everything."""
        return self.create_user(email, password, is_superuser=True, is_active=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who logs in by e-mail. Inactive until a superuser lets them in."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=False, help_text="may log in")
    admitted = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="comes in by itself once the address is confirmed",
    )
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]

    def __str__(self) -> str:
        return self.email

    @cached_property
    def has_second_factor(self) -> bool:
        """Whether a login asks for more than the password (or a passkey does without). Asked once."""
        factors: QuerySet[Any] = self.authenticator_set  # type: ignore[attr-defined]  # of allauth
        return factors.exclude(type="recovery_codes").exists()

    @property
    def is_staff(self) -> bool:
        """The admin is for superusers."""
        return self.is_superuser


class Role(models.TextChoices):
    """What a member (or a token) may do; each includes the one before."""

    VIEWER = "viewer"
    DEPLOYER = "deployer"
    OWNER = "owner"


class Team(models.Model):
    """Owner of unikernels, images, quotas and tokens. ``domain`` never changes."""

    name = models.CharField(max_length=63, unique=True)
    domain = models.CharField(max_length=63, unique=True, help_text="first label of its unikernels' names")
    personal_of = models.OneToOneField(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="personal_team"
    )
    demands_second_factor = models.BooleanField(
        default=False, db_default=False, help_text="members with a session but without one are kept out"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    members: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        User, through="Membership", related_name="teams"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role, default=Role.VIEWER)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["team", "user"]
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_role_per_member")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}: {self.role}"


class Quota(Limits, models.Model):
    """What a superuser granted a team on an instance."""

    class State(models.TextChoices):
        """Whether the instance holds these limits."""

        PENDING = "pending"
        APPLIED = "applied"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="quotas")
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="quotas")
    unikernels = models.PositiveIntegerField()
    memory = models.PositiveIntegerField(help_text="MB")
    block = models.PositiveIntegerField(null=True, blank=True, help_text="MB; empty: no block devices")
    cpuids = models.JSONField(default=list, help_text="list of CPU ids")
    bridges = models.JSONField(default=list, blank=True, help_text="list of bridges")
    state = models.CharField(max_length=8, choices=State, default=State.PENDING, editable=False)
    problem = models.TextField(blank=True, default="", editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["team", "instance"]
        constraints = [models.UniqueConstraint(fields=["team", "instance"], name="one_quota_per_instance")]

    def __str__(self) -> str:
        return f"{self.team} on {self.instance}"


class ApiToken(models.Model):
    """A program's way in, for one team and some scopes. The secret is shown once."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="tokens")
    role = models.CharField(
        max_length=8, choices=Role, default=Role.DEPLOYER, help_text="the one that its scopes take"
    )
    scopes = models.JSONField(default=list, help_text="list of accounts.scopes.Scope")
    unikernels = models.JSONField(null=True, blank=True, help_text="list of names; empty: all of the team")
    networks = models.JSONField(default=list, blank=True, help_text="list of networks; empty: from anywhere")
    name = models.CharField(max_length=100)
    publisher = models.ForeignKey(
        "accounts.Publisher", null=True, blank=True, on_delete=models.SET_NULL, related_name="tokens"
    )
    short = models.BooleanField(
        default=False, editable=False, help_text="made for the identity of a workflow"
    )
    key_id = models.CharField(max_length=16, unique=True, editable=False)
    pepper = models.PositiveSmallIntegerField(editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    created_by = models.ForeignKey(
        User,
        on_delete=models.CASCADE,
        related_name="tokens",
        help_text="a token never may more than its maker",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="empty: never")
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"mm_{self.key_id}_… ({self.name})"

    @property
    def usable(self) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or timezone.now() < self.expires_at)


class SetupToken(models.Model):
    """Lets exactly one person become the first superuser. Only its hash is kept."""

    secret_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"set-up token of {self.created_at:%Y-%m-%d %H:%M}"


class AppendOnlyError(TypeError):
    """Somebody tried to change or delete what has happened."""


class EventQuerySet(models.QuerySet["Event"]):
    """Events can be read and added. The database refuses the rest as well: ``accounts.guards``."""

    def update(self, **fields: Any) -> int:
        raise AppendOnlyError("Events are never changed.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise AppendOnlyError("Events are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("Events are never deleted.")


class Event(models.Model):
    """One thing that happened. Append-only; an operation's timeline and the audit log are views of it.

    ``subject`` is what it happened to (``unikernel:12``); ``operation`` the number of the operation
    it belongs to. No secret ever stands in ``data`` or ``reason``. ``actor``, ``team`` and ``instance``
    are empty once those are gone; ``who``, ``team_name`` and ``parties`` go on telling.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    credential = models.CharField(max_length=100, help_text="session, token mm_…, command, system")
    address = models.GenericIPAddressField(null=True)
    team = models.ForeignKey(
        Team, null=True, on_delete=models.SET_NULL, related_name="events", db_index=False
    )
    instance = models.ForeignKey(Instance, null=True, on_delete=models.SET_NULL, related_name="+")
    who = models.CharField(max_length=254, default="", db_default="", help_text="address of the person")
    team_name = models.CharField(max_length=63, default="", db_default="")
    parties = models.CharField(
        max_length=100, default="", db_default="", help_text="numbers: user:3 team:5 instance:1"
    )
    subject = models.CharField(max_length=100)
    operation = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=60)
    was = models.CharField(max_length=60, blank=True, default="")
    now = models.CharField(max_length=60, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    data = models.JSONField(default=dict)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["subject", "-id"]),
            models.Index(
                fields=["operation", "id"], condition=Q(operation__isnull=False), name="event_operation"
            ),
            models.Index(fields=["team", "-id"]),
            models.Index(fields=["who", "-id"], name="event_who"),
            models.Index(fields=["credential", "-id"], name="event_credential"),
            models.Index(fields=["kind", "-id"], name="event_kind"),
            # Teams that are gone are found by their name.
            models.Index(
                fields=["team_name", "-id"],
                condition=Q(team=None) & ~Q(team_name=""),
                name="event_gone_team",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.kind} {self.subject}"

    def save(self, **options: Any) -> None:
        if not self._state.adding or options.get("force_update") or options.get("update_fields"):
            raise AppendOnlyError("Events are never changed.")
        super().save(**options | {"force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError("Events are never deleted.")


class MailChoice(models.Model):
    """What a person said about one topic of mail; without a row the topic's default holds."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mail_choices")
    topic = models.CharField(max_length=20, help_text="see accounts.mail.topics")
    wanted = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "topic"], name="one_choice_per_topic")]

    def __str__(self) -> str:
        return f"{self.user}: {self.topic} {'yes' if self.wanted else 'no'}"


class Letter(models.Model):
    """A mail to be sent: written with what it tells of, in one transaction, and sent by a worker.

    It goes to a person, or to an ``address`` that may be nobody's here. A text with a secret in it (a
    link that lets somebody in) is sealed, and forgotten when it is sent.
    """

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="letters")
    address = models.EmailField(blank=True, default="", help_text="of somebody who need not be registered")
    topic = models.CharField(max_length=20)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    sealed_text = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    trouble_text = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(sent_at=None, given_up_at=None), name="letter_due")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, address="") | Q(user=None) & ~Q(address=""),
                name="letter_to_somebody",
            )
        ]

    def __str__(self) -> str:
        return f"{self.topic} to {self.to}"

    @property
    def to(self) -> str:
        """The address that it goes to."""
        return self.user.email if self.user else self.address
