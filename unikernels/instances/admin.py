"""Instances in the admin: read, tested, looked at again. To add or remove one, it leads to the pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from accounts.readonly import ReadOnly
from accounts.requests import actor_of
from albatross.models import Incident, Instance, ObservedPolicy
from mollymawk.errors import ApplicationError
from unikernels.instances.services import instance_retry, instance_test


class IncidentInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # generic only for the type checker
    """The log of what went wrong."""

    model = Incident
    fields = ("trouble", "text", "count", "first_at", "last_at", "ended_at")
    readonly_fields = fields
    extra = 0


@admin.register(Instance)
class InstanceAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """What is known of each instance, without its sealed key."""

    list_display = ("name", "address", "status", "trouble", "seen_at", "watcher")
    list_filter = ("status", "trouble")
    search_fields = ("name", "address")
    exclude = ("sealed_key",)
    inlines = (IncidentInline,)
    actions = ("test", "retry")

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return self.has_view_permission(request)

    def add_view(self, *_args: Any, **_kwargs: Any) -> HttpResponseRedirect:
        """The page adds it: there is one form, which tests the instance before it is saved."""
        return HttpResponseRedirect(reverse("pages:instance-add"))

    @admin.action(description="Test: ask each one now", permissions=["view"])
    def test(self, request: HttpRequest, chosen: QuerySet[Instance]) -> None:
        """Ask each chosen one, and change nothing."""
        for instance in chosen:
            try:
                found = instance_test(actor=actor_of(request), instance=instance)
            except ApplicationError as error:
                self.message_user(request, f"{instance}: {error}", messages.ERROR)
            else:
                words = f"{instance} answers in {found.milliseconds} ms: {found.unikernels} unikernels."
                self.message_user(request, words, messages.SUCCESS)

    @admin.action(description="Look again now", permissions=["view"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Instance]) -> None:
        """Let the watcher look at each chosen one without waiting."""
        for instance in chosen:
            instance_retry(actor=actor_of(request), instance=instance)
        self.message_user(request, "They are looked at within a second or two.", messages.SUCCESS)


@admin.register(ObservedPolicy)
class ObservedPolicyAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """The limits that instances hold, as last seen."""

    list_display = ("instance", "path", "unikernels", "memory", "block", "observed_at")
    list_filter = ("instance",)
    search_fields = ("path",)
