"""Freezes in the admin: who stopped automatic upgrades, where and since when."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.readonly import ReadOnly
from unikernels.models import Freeze


@admin.register(Freeze)
class FreezeAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Set and lifted on pages of their own, where the service has its say."""

    list_display = ["__str__", "reason", "by", "since", "page"]
    list_filter = [("team", admin.EmptyFieldListFilter), "since"]
    list_select_related = ["team", "by"]
    search_fields = ["team__name", "reason", "by__email"]
    readonly_fields = ["page"]

    @admin.display(description="lift it")
    def page(self, freeze: Freeze) -> SafeString:
        """Where it is lifted."""
        where = (
            reverse("pages:freeze-team", args=[freeze.team.name]) if freeze.team else reverse("pages:freeze")
        )
        return format_html('<a href="{}">On its page</a>', where)
