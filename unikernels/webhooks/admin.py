"""Webhooks in the admin: made by owners of teams, only read here. No secret is shown, and no path of a URL."""

from __future__ import annotations

from django.contrib import admin

from accounts.readonly import ReadOnly
from unikernels.webhooks.models import Attempt, Delivery, Webhook


@admin.register(Webhook)
class WebhookAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Where to, and how it stands."""

    list_display = ["id", "team", "host", "on", "failing_since", "off_reason", "created_at"]
    list_filter = ["on", "team"]
    list_select_related = ["team"]
    search_fields = ["host", "description"]
    fields = [
        "team",
        "host",
        "events",
        "description",
        "on",
        "off_reason",
        "failing_since",
        "former_until",
        "created_by",
        "created_at",
    ]


class AttemptInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # generic only for the type checker
    """Each try."""

    model = Attempt
    fields = ["at", "status", "latency", "trouble"]
    extra = 0


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """What was sent, and what became of it."""

    list_display = ["id", "created_at", "webhook", "kind", "state", "tries", "due_at", "ended_at"]
    list_filter = ["state", "kind", "created_at"]
    list_select_related = ["webhook__team"]
    search_fields = ["message"]
    show_full_result_count = False
    date_hierarchy = "created_at"
    fields = ["webhook", "message", "kind", "body", "state", "tries", "created_at", "due_at", "ended_at"]
    inlines = [AttemptInline]
