"""The chain in the admin: up to where it is, and where it begins."""

from __future__ import annotations

from django.contrib import admin

from accounts.audit.models import Link
from accounts.readonly import ReadOnly


@admin.register(Link)
class LinkAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Links, the newest first; made by the background worker alone."""

    list_display = ("number", "hash", "last", "newest_at", "made_at", "pruned_at")
    list_filter = ("made_at",)
    search_fields = ("hash",)
    ordering = ("-number",)
    fields = (*list_display, "previous")
    show_full_result_count = False
