"""Issuers and publishers in the admin: issuers are added and removed, publishers looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from accounts.confirming import asked, each
from accounts.forms import blame
from accounts.publishers.forms import IssuerForm
from accounts.publishers.models import Issuer, Publisher
from accounts.publishers.services import issuer_add, issuer_remove
from accounts.readonly import ReadOnly
from accounts.requests import actor_of
from mollymawk.errors import ApplicationError


@admin.register(Issuer)
class IssuerAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Who vouches for workflows."""

    list_display = ("name", "kind", "url", "algorithms", "created_at")
    search_fields = ("name", "url")
    actions = ("remove",)

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return request.user.is_superuser

    def add_view(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """Not Django's: the issuer is asked first, which may take seconds, and never within a transaction."""
        form = IssuerForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                issuer = issuer_add(actor=actor_of(request), **form.cleaned_data)
            except ApplicationError as error:
                blame(form, error)
            else:
                self.message_user(request, f"Trusted: {issuer}. Teams may name its workflows.")
                return redirect("admin:accounts_issuer_changelist")
        context = self.admin_site.each_context(request) | {
            "title": "Add issuer",
            "form": form,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/add.html", context)

    @admin.action(description="Remove")
    @asked("Trust identities of these issuers no more?")
    def remove(self, request: HttpRequest, rows: QuerySet[Issuer]) -> None:
        """Trust the chosen issuers no more."""
        each(self, request, rows, lambda actor, issuer: issuer_remove(actor=actor, issuer=issuer))


@admin.register(Publisher)
class PublisherAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Which workflows teams trust; owners change that on the page of their team."""

    list_display = ("repository", "workflow", "team", "issuer", "scopes", "created_by", "last_used_at")
    list_filter = ("issuer",)
    list_select_related = ("team", "issuer", "created_by")
    search_fields = ("repository", "repository_id", "team__name")
