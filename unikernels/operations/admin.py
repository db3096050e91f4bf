"""Operations, versions, unikernels and images in the admin: to read and to find, never to edit."""

from __future__ import annotations

from django.contrib import admin

from accounts.readonly import ReadOnly
from unikernels.models import Image, Operation, RollbackWindow, TeamImage, Unikernel, Version
from unikernels.operations.story import verdict


@admin.register(Unikernel)
class UnikernelAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """What runs, and what is known of it. Arguments stay sealed."""

    list_display = ["name", "path", "instance", "team", "state", "state_since", "unstable", "changed_outside"]
    list_filter = ["state", "unstable", "changed_outside", "instance", "team"]
    list_select_related = ["instance", "team"]
    search_fields = ["name", "path", "digest"]
    exclude = ["sealed_arguments"]


@admin.register(Version)
class VersionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """What unikernels were asked to run. Arguments stay sealed."""

    list_display = ["unikernel", "number", "digest", "origin", "created_by", "created_at", "ran_at"]
    list_filter = ["origin", "unikernel__instance", "unikernel__team"]
    list_select_related = ["unikernel", "created_by"]
    search_fields = ["unikernel__name", "digest"]
    exclude = ["sealed_arguments"]


@admin.register(Operation)
class OperationAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Every change, open ones first by filter; written by the machine alone."""

    list_display = ["id", "kind", "unikernel", "team", "state", "sentence", "requested_by", "created_at"]
    list_filter = ["state", "kind", "running", "team", "unikernel__instance"]
    list_select_related = ["unikernel", "team", "requested_by", "target", "fallback"]
    search_fields = ["unikernel__name", "reason"]
    date_hierarchy = "created_at"

    @admin.display(description="verdict")
    def sentence(self, operation: Operation) -> str:
        """How it stands, as on its page."""
        return verdict(operation).sentence


@admin.register(RollbackWindow)
class RollbackWindowAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """What can be taken back with one press, and until when; watched by the sweep alone."""

    list_display = ["unikernel", "team", "back_to", "until", "operation_id", "due_at"]
    list_filter = ["until", "unikernel__instance", "unikernel__team"]
    list_select_related = ["unikernel__team", "to"]
    search_fields = ["unikernel__name"]

    @admin.display(ordering="unikernel__team__name")
    def team(self, window: RollbackWindow) -> str:
        """Whose unikernel it is."""
        return str(window.unikernel.team or "")

    @admin.display(description="back to")
    def back_to(self, window: RollbackWindow) -> str:
        """The version that a press puts back."""
        return f"version {window.to.number}"


class TeamImageInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # generic only for the type checker
    """Which teams have an image."""

    model = TeamImage
    extra = 0
    readonly_fields = ["team", "name", "added_by", "added_at"]


@admin.register(Image)
class ImageAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """The store."""

    list_display = ["digest", "size", "target", "abi_version", "created_at"]
    list_filter = ["target", "abi_version"]
    search_fields = ["digest", "copies__name"]
    inlines = [TeamImageInline]
