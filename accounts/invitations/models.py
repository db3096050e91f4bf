"""An offer to join a team, sent to an address."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Invitations, as they stand."""

    def standing(self) -> QuerySet[Invitation]:
        """Those that can still be accepted, as far as the row tells."""
        return self.filter(outcome="", expires_at__gt=timezone.now())


class Invitation(models.Model):
    """``outcome`` is empty while nobody answered; only a hash of the secret in the link is kept."""

    class Outcome(models.TextChoices):
        """How it ended."""

        ACCEPTED = "accepted"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"

    team = models.ForeignKey("accounts.Team", on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(help_text="in lower case")
    role = models.CharField(max_length=8, help_text="what they become in the team")
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="void when they no longer own the team; empty: an operator",
    )
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    letter = models.OneToOneField(
        "accounts.Letter", null=True, on_delete=models.SET_NULL, related_name="invitation"
    )
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now, help_text="when the last letter was written")
    expires_at = models.DateTimeField()
    outcome = models.CharField(max_length=9, choices=Outcome, blank=True, default="")
    ended_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["email", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "email"], condition=Q(outcome=""), name="one_invitation_per_address"
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.team}"

    @property
    def expired(self) -> bool:
        """Nobody answered in time."""
        return self.outcome == "" and self.expires_at <= timezone.now()
