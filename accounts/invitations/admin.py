"""Invitations in the admin: who offered what to whom, and what became of it. Only read here."""

from __future__ import annotations

from django.contrib import admin

from accounts.invitations.models import Invitation
from accounts.readonly import ReadOnly


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Made, sent again and withdrawn on the page of the team."""

    list_display = ["email", "team", "role", "invited_by", "created_at", "expires_at", "outcome", "ended_at"]
    list_filter = ["outcome", "role", "created_at"]
    list_select_related = ["team", "invited_by"]
    search_fields = ["email", "team__name", "invited_by__email"]
