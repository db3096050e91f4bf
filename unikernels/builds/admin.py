"""Builders in the admin, changed through services; what they told is only read here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.confirming import asked, each
from accounts.readonly import ReadOnly
from accounts.requests import actor_of
from mollymawk.errors import ApplicationError, Invalid
from unikernels.builds.services import builder_add, builder_change, builder_read, builder_remove
from unikernels.models import Build, Builder, Standing

_FIELDS = ("name", "url", "ca")


class BuilderForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    """Name, address and, for one with a certificate of its own, who signed it."""

    url = forms.CharField(label="URL", help_text="as https://builds.robur.coop, without a path")

    class Meta:
        model = Builder
        fields = _FIELDS

    def clean(self) -> dict[str, Any]:
        given = {field: self.cleaned_data[field] for field in _FIELDS if field in self.cleaned_data}
        try:
            self.cleaned_data |= builder_read(self.instance, **given)
        except Invalid as error:
            raise ValidationError(error.fields) from error
        except ApplicationError as error:
            raise ValidationError(str(error)) from error
        return self.cleaned_data

    def _get_validation_exclusions(self) -> set[str]:
        """The address was read by ``clean``: Django knows no names without a dot."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # the stubs lack it
        return {*excluded, "url"}


@admin.register(Builder)
class BuilderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """The builder-web servers, and how they answer."""

    form = BuilderForm
    list_display = ("name", "url", "seen_at", "failures", "trouble_text", "retry_at")
    search_fields = ("name", "url")
    fields = (*_FIELDS, "seen_at", "failures", "trouble_text", "retry_at", "created_at")
    readonly_fields = ("seen_at", "failures", "trouble_text", "retry_at", "created_at")
    actions = ("remove",)

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False  # the action asks the service, which knows what needs it

    def save_model(self, request: HttpRequest, obj: Builder, form: Any, change: bool) -> None:
        given = {field: form.cleaned_data[field] for field in _FIELDS}
        if change:
            builder_change(actor=actor_of(request), builder=Builder.objects.get(pk=obj.pk), **given)
            return
        made = builder_add(actor=actor_of(request), **given)
        obj.pk, obj._state.adding = made.pk, False  # noqa: SLF001  # the admin goes on with its own copy

    @admin.action(description="Remove: forget it, and what it told", permissions=["change"])
    @asked("Forget these builders, and what they told?")
    def remove(self, request: HttpRequest, chosen: QuerySet[Builder]) -> None:
        """Remove each chosen one that no version comes from."""
        each(self, request, chosen, lambda actor, builder: builder_remove(actor=actor, builder=builder))


@admin.register(Build)
class BuildAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Builds that somebody or the polling asked for."""

    list_display = ("job", "started_at", "platform", "builder", "digest", "size", "target", "abi_version")
    list_filter = ("builder", "platform", "started_at")
    list_select_related = ("builder",)
    search_fields = ("job", "uuid", "digest")


@admin.register(Standing)
class StandingAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """How each image that runs stands at each builder."""

    list_display = ("digest", "builder", "standing", "found", "newest", "judged_at")
    list_filter = ("standing", "builder")
    list_select_related = ("builder", "found", "newest")
    search_fields = ("digest", "found__job")
