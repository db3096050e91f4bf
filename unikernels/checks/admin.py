"""Checks and their results in the admin: written by services and the scheduled rounds, only read here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.readonly import ReadOnly
from unikernels.checks.services import told_of
from unikernels.models import Check, CheckResult


@admin.register(Check)
class CheckAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """What is asked of unikernels, and how they answer."""

    list_display = ["name", "unikernel", "team", "kind", "asks", "state", "state_since", "failures", "due_at"]
    list_filter = ["state", "kind", "unikernel__instance", "unikernel__team"]
    list_select_related = ["unikernel__team"]
    search_fields = ["name", "unikernel__name", "unikernel__team__name"]
    readonly_fields = ["page"]

    @admin.display(ordering="unikernel__team__name")
    def team(self, check: Check) -> str:
        """Whose unikernel it is."""
        return str(check.unikernel.team or "")

    @admin.display(description="asks")
    def asks(self, check: Check) -> str:
        """What it asks and what for."""
        return told_of(check)

    @admin.display(description="history, changes")
    def page(self, check: Check) -> SafeString:
        """Where it is changed."""
        where = reverse("pages:check", args=[check.unikernel_id, check.pk])
        return format_html('<a href="{}">On the page of the check</a>', where)


@admin.register(CheckResult)
class CheckResultAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Single results, newest first. There are many: nothing is counted that is not asked for."""

    list_display = ["at", "unikernel", "check_row", "outcome", "milliseconds", "text", "operation_id"]
    list_filter = ["outcome", "at", "check_row__kind", "check_row__unikernel__instance"]
    list_select_related = ["check_row__unikernel"]
    search_fields = ["check_row__name", "check_row__unikernel__name", "text"]
    show_full_result_count = False
    date_hierarchy = "at"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).order_by("-at")

    @admin.display(ordering="check_row__unikernel__name")
    def unikernel(self, result: CheckResult) -> str:
        """What was asked."""
        return str(result.check_row.unikernel)

    @admin.display(description="latency", ordering="latency")
    def milliseconds(self, result: CheckResult) -> str:
        """How long it took."""
        return f"{result.latency * 1000:,.0f} ms"
