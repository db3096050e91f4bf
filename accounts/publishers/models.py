"""Who vouches for workflows, which workflows a team trusts, and identities that were used."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.publishers.signatures import ALGORITHMS


def every_algorithm() -> list[str]:
    """What an issuer may sign with, unless it is said."""
    return list(ALGORITHMS)


class Issuer(models.Model):
    """A server that vouches for workflows by signed identities (OpenID Connect)."""

    class Kind(models.TextChoices):
        """Whose claims they are."""

        GITHUB = "github"
        GITLAB = "gitlab"
        FORGEJO = "forgejo"

    name = models.CharField(max_length=63, unique=True)
    url = models.CharField(max_length=200, unique=True, help_text="exactly as identities name it")
    kind = models.CharField(max_length=10, choices=Kind)
    algorithms = models.JSONField(default=every_algorithm, help_text="of RS256, ES256, EdDSA")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Publisher(models.Model):
    """A workflow that a team trusts, and what it may do. It acts in the name of who set it up.

    What is compared are numbers, since the name of an owner or a repository may come to somebody else.
    """

    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="publishers")
    issuer = models.ForeignKey(Issuer, on_delete=models.PROTECT, related_name="publishers")
    repository = models.CharField(max_length=200, help_text="owner/name, for people")
    repository_id = models.CharField(max_length=40)
    owner_id = models.CharField(max_length=40)
    workflow = models.CharField(max_length=200, help_text="its file")
    environment = models.CharField(max_length=200, blank=True, default="", help_text="empty: any")
    ref = models.CharField(max_length=200, help_text="a pattern such as refs/heads/main, refs/tags/v*")
    events = models.JSONField(default=list, help_text="list of events")
    scopes = models.JSONField(default=list, help_text="list of accounts.scopes.Scope")
    unikernels = models.JSONField(null=True, blank=True, help_text="list of names; empty: all of the team")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="publishers"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["issuer", "repository_id"], name="publisher_repository")]

    def __str__(self) -> str:
        return f"{self.repository} {self.workflow}"


class SpentIdentityQuerySet(models.QuerySet["SpentIdentity"]):
    """Identities that were exchanged."""

    def over(self) -> SpentIdentityQuerySet:
        """Those that nobody would take any more."""
        return self.filter(expires_at__lt=timezone.now())


class SpentIdentity(models.Model):
    """An identity that was exchanged: never again. Kept until it has expired."""

    issuer = models.ForeignKey(Issuer, on_delete=models.CASCADE, related_name="+")
    number = models.CharField(max_length=64, help_text="SHA-256 of its jti")
    expires_at = models.DateTimeField(db_index=True)

    objects: Any = SpentIdentityQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["issuer", "number"], name="identity_once")]

    def __str__(self) -> str:
        return f"{self.issuer}: {self.number[:8]}"
