"""Mail in the admin: what people chose, and what became of each letter."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.mail.models import QuietHours
from accounts.models import Letter, MailChoice
from accounts.readonly import ReadOnly


@admin.register(MailChoice)
class MailChoiceAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Each person's own: made on the page of mail or by the link in a letter, only read here."""

    list_display = ["user", "topic", "wanted"]
    list_filter = ["topic", "wanted"]
    list_select_related = ["user"]
    search_fields = ["user__email"]


@admin.register(QuietHours)
class QuietHoursAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Each person's own, only read here."""

    list_display = ["user", "start", "end", "zone"]
    list_select_related = ["user"]
    search_fields = ["user__email"]


class FateFilter(admin.SimpleListFilter):
    """What became of a letter."""

    title = "what became of it"
    parameter_name = "fate"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("waits", "waits"),
            ("trouble", "waits, after a failed try"),
            ("sent", "sent"),
            ("given-up", "given up"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Letter]) -> QuerySet[Letter]:
        waiting = queryset.filter(sent_at=None, given_up_at=None)
        found = {
            "waits": waiting,
            "trouble": waiting.filter(tries__gt=0),
            "sent": queryset.filter(sent_at__isnull=False),
            "given-up": queryset.filter(given_up_at__isnull=False),
        }
        return found.get(self.value() or "", queryset)


@admin.register(Letter)
class LetterAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Letters: written with what they tell of, sent by a worker. Their text is not listed."""

    list_display = [
        "id",
        "created_at",
        "to",
        "topic",
        "subject",
        "tries",
        "sent_at",
        "given_up_at",
        "trouble",
    ]
    list_filter = [FateFilter, "topic", "created_at"]
    list_select_related = ["user"]
    search_fields = ["user__email", "address", "subject"]
    show_full_result_count = False
    date_hierarchy = "created_at"

    @admin.display(description="trouble")
    def trouble(self, letter: Letter) -> str:
        """Why the last try failed, as far as a list has room."""
        return letter.trouble_text[:SHOWN]


SHOWN = 120  # characters of what a mail server answered
