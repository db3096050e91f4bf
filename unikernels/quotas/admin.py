"""Requests for more in the admin; answered on their page, where it is shown what a grant means."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.readonly import ReadOnly
from unikernels.models import QuotaRequest


@admin.register(QuotaRequest)
class QuotaRequestAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """What teams asked for, and what was answered."""

    list_display = [
        "id",
        "team",
        "instance",
        "state",
        "unikernels",
        "memory",
        "block",
        "asked_by",
        "asked_at",
    ]
    list_filter = ["state", "instance", "asked_at"]
    list_select_related = ["team", "instance", "asked_by"]
    search_fields = ["team__name", "instance__name", "asked_by__email", "why"]
    readonly_fields = ["page"]

    @admin.display(description="answer it")
    def page(self, request: QuotaRequest) -> SafeString:
        """Where it is answered."""
        return format_html('<a href="{}">On its page</a>', reverse("pages:quota-request", args=[request.pk]))
