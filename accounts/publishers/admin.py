"""Issuers and publishers in the admin: looked at, and issuers removed. ``issuer_add`` asks an issuer first,
which may take seconds: that is done by command or API.
"""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.publishers.models import Issuer, Publisher
from accounts.publishers.services import issuer_remove
from accounts.readonly import ReadOnly
from accounts.requests import actor_of
from mollymawk.errors import ApplicationError


@admin.register(Issuer)
class IssuerAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Who vouches for workflows."""

    list_display = ("name", "kind", "url", "algorithms", "created_at")
    search_fields = ("name", "url")
    actions = ("remove",)

    @admin.action(description="Remove")
    def remove(self, request: HttpRequest, rows: QuerySet[Issuer]) -> None:
        """Trust the chosen issuers no more."""
        for issuer in rows:
            try:
                issuer_remove(actor=actor_of(request), issuer=issuer)
            except ApplicationError as error:
                self.message_user(request, str(error), "error")
            else:
                self.message_user(request, f"{issuer} is trusted no more.")


@admin.register(Publisher)
class PublisherAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Which workflows teams trust; owners change that on the page of their team."""

    list_display = ("repository", "workflow", "team", "issuer", "scopes", "created_by", "last_used_at")
    list_filter = ("issuer",)
    list_select_related = ("team", "issuer", "created_by")
    search_fields = ("repository", "repository_id", "team__name")
