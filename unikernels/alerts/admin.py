"""Alerts in the admin: fired and resolved by the sweep, only read here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.readonly import ReadOnly
from unikernels.alerts.models import Alert, Telling


class OpenFilter(admin.SimpleListFilter):
    """Whether it goes on."""

    title = "open"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "open"), ("no", "resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        wanted = self.value()
        return queryset if wanted is None else queryset.filter(resolved_at__isnull=wanted == "yes")


class TellingInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # generic only for the type checker
    """Who was told of it."""

    model = Telling
    fields = ["user", "due_at", "told_at", "over_at"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Telling]:
        return super().get_queryset(request).select_related("user", "alert")


@admin.register(Alert)
class AlertAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """What fired, when it was told, when it was over."""

    list_display = ["title", "rule", "team", "fired_at", "damped", "told_at", "resolved_at"]
    list_filter = [OpenFilter, "rule", "team", "instance"]
    list_select_related = ["team"]
    search_fields = ["title", "subject"]
    date_hierarchy = "fired_at"
    inlines = [TellingInline]
