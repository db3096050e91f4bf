"""People, teams, tokens, quotas and events in the admin. Changes go through services; what has a page
or a history of its own is only read here.
"""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.actors import Actor, require_fresh
from accounts.audit import admin as audit_admin
from accounts.confirming import asked, each
from accounts.events import record
from accounts.invitations import admin as invitations_admin
from accounts.labels import check_label
from accounts.mail import admin as mail_admin
from accounts.models import ApiToken, Event, Membership, Quota, Team, User
from accounts.proof import require_factor
from accounts.publishers import admin as publishers_admin
from accounts.readonly import ReadOnly
from accounts.requests import actor_of
from accounts.services import (
    superuser_set,
    team_create,
    token_revoke,
    user_activate,
    user_add,
    user_deactivate,
)
from accounts.services.sessions import subject
from accounts.services.teams import team_has
from mollymawk.errors import Invalid

__all__ = ["audit_admin", "invitations_admin", "mail_admin", "publishers_admin"]

Rows = QuerySet[Any]

# Logging in happens on one page, with its limits on attempts and second factors.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # as allauth documents


def _has_permission(request: HttpRequest) -> bool:
    user = request.user
    if isinstance(user, User) and user.is_staff:
        require_factor(user)
    return user.is_active and user.is_staff


admin.site.has_permission = _has_permission  # type: ignore[method-assign]  # no superuser without a factor
admin.site.site_header = admin.site.site_title = "Mollymawk"
admin.site.index_title = "Administration"
admin.site.unregister(Group)  # roles are held by memberships
admin.site.unregister(EmailAddress)  # people change their address themselves, and confirm it
admin.site.unregister(UserSession)  # shown below, without its key
for of_allauth in (SocialApp, SocialToken):  # always empty: the issuer is in the settings, no token is kept
    admin.site.unregister(of_allauth)
admin.site.unregister(SocialAccount)
admin.site.unregister(Authenticator)  # shown below, without what is in it


class ReadOnlyInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # generic only for the type checker
    """Rows of something that is changed elsewhere."""

    extra = 0
    can_delete = False


# --- people --------------------------------------------------------------------------------------


class NewUserForm(BaseUserCreationForm):  # type: ignore[type-arg]  # generic only for the type checker
    """Somebody who may log in at once."""

    class Meta:
        model = User
        fields = ("email",)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """People. They are shut out rather than deleted: what they did stays theirs."""

    list_display = (
        "email",
        "name",
        "is_active",
        "is_superuser",
        "personal_team",
        "date_joined",
        "last_login",
    )
    list_filter = ("is_active", "is_superuser", "date_joined")
    list_select_related = ("personal_team",)
    search_fields = ("email", "name")
    ordering = ("is_active", "email")
    actions = ("activate", "deactivate", "make_superuser", "take_superuser")
    filter_horizontal = ()
    readonly_fields = (
        "email",
        "password_page",
        "delete_page",
        "is_active",
        "is_superuser",
        "date_joined",
        "last_login",
    )
    fieldsets = (
        (None, {"fields": ("email", "name", "password_page", "delete_page")}),
        (
            "May",
            {"fields": ("is_active", "is_superuser"), "description": "Changed by the actions of the list."},
        ),
        ("When", {"fields": ("date_joined", "last_login")}),
    )
    add_form = NewUserForm
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "password1", "password2")}),)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else ()

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if change:
            _rename(actor_of(request), obj)
            return
        password = form.cleaned_data["password1"]
        made = user_add(actor=actor_of(request), email=obj.email, password=password)
        obj.pk, obj._state.adding = made.pk, False  # noqa: SLF001  # the admin goes on with its own copy

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002  # Django's name
        with transaction.atomic():
            response: HttpResponse = super().user_change_password(request, id, form_url)
            user = self.get_object(request, id)
            if request.method == "POST" and response.status_code == 302 and user is not None:
                record(
                    actor=actor_of(request),
                    kind="user.password_set",
                    subject=subject(user),
                    data={"email": user.email},
                )
        return response

    @admin.display(description="password")
    def password_page(self, user: User) -> SafeString:
        """Where another one is set; nothing of the present one is shown, not even of its hash."""
        where = reverse("admin:auth_user_password_change", args=[user.pk])
        return format_html('<a href="{}">Set another one</a>', where)

    @admin.display(description="delete")
    def delete_page(self, user: User) -> SafeString:
        """Where it is said first what becomes of what runs."""
        return format_html(
            '<a href="{}">Look at what that means</a>', reverse("pages:person-delete", args=[user.pk])
        )

    @admin.action(description="Let in: activate, with a personal team")
    def activate(self, request: HttpRequest, rows: Rows) -> None:
        """Let the chosen people in."""
        each(self, request, rows, lambda actor, user: user_activate(actor=actor, user=user))

    @admin.action(description="Shut out: deactivate, with all sessions and tokens")
    @asked("Shut these people out? Their sessions and tokens end.")
    def deactivate(self, request: HttpRequest, rows: Rows) -> None:
        """Shut the chosen people out."""
        each(self, request, rows, lambda actor, user: user_deactivate(actor=actor, user=user))

    @admin.action(description="Make superusers")
    @asked("Let these people do everything?")
    def make_superuser(self, request: HttpRequest, rows: Rows) -> None:
        """Let the chosen people do everything."""
        each(self, request, rows, lambda actor, user: superuser_set(actor=actor, user=user, superuser=True))

    @admin.action(description="No longer superusers")
    @asked("Take from these people that they may do everything?")
    def take_superuser(self, request: HttpRequest, rows: Rows) -> None:
        """Take that from the chosen people."""
        each(self, request, rows, lambda actor, user: superuser_set(actor=actor, user=user, superuser=False))


def _rename(actor: Actor, user: User) -> None:
    with transaction.atomic():
        was = User.objects.values_list("name", flat=True).get(pk=user.pk)
        user.save(update_fields=["name"])
        if was != user.name:
            record(actor=actor, kind="user.named", subject=subject(user), was=was, now=user.name)


@admin.register(Authenticator)
class SecondFactorAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Second factors; deleting one lets somebody in who lost the device."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    exclude = ("data",)
    actions = ("remove",)

    @admin.action(description="Remove, when the device is lost")
    @asked("Remove these second factors? Then a password alone lets their people in.")
    def remove(self, request: HttpRequest, rows: Rows) -> None:
        """Take the chosen factors away."""
        each(self, request, rows.select_related("user"), _remove_factor)


def _remove_factor(actor: Actor, factor: Any) -> None:
    require_fresh(actor)
    with transaction.atomic():
        record(actor=actor, kind="user.second_factor_removed", subject=subject(factor.user), now=factor.type)
        factor.delete()


@admin.register(SocialAccount)
class IdentityAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Accounts at an issuer that let people in; their person disconnects one."""

    list_display = ("user", "provider", "uid", "last_login", "date_joined")
    list_filter = ("provider",)
    list_select_related = ("user",)
    search_fields = ("user__email", "uid")
    exclude = ("extra_data",)


@admin.register(UserSession)
class SessionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Where people are logged in. The key, which would let in whoever reads it, is not shown."""

    list_display = ("user", "ip", "created_at", "last_seen_at", "user_agent")
    list_filter = ("created_at",)
    list_select_related = ("user",)
    search_fields = ("user__email", "ip")
    fields = (*list_display,)


# --- teams ---------------------------------------------------------------------------------------


class MembershipInline(ReadOnlyInline):
    """Who is in a team."""

    model = Membership
    fields = ("user", "role", "since")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Rows:
        return super().get_queryset(request).select_related("user", "team")


class QuotaInline(ReadOnlyInline):
    """What a team may use."""

    model = Quota
    fields = ("instance", "unikernels", "memory", "block", "cpuids", "bridges", "state", "problem")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Rows:
        return super().get_queryset(request).select_related("instance", "team")


class NewTeamForm(forms.ModelForm):  # type: ignore[type-arg]  # generic only for the type checker
    """A team for somebody."""

    owner = forms.ModelChoiceField(User.objects.filter(is_active=True))

    class Meta:
        model = Team
        fields = ("name", "domain")

    def clean_name(self) -> str:
        return _label(self.cleaned_data["name"], "name")

    def clean_domain(self) -> str:
        return _label(self.cleaned_data["domain"], "domain")


def _label(text: str, field: str) -> str:
    try:
        label = check_label(text, field)
    except Invalid as error:
        raise forms.ValidationError(str(error)) from error
    if team_has(label):
        raise forms.ValidationError(f"{label} is taken.")
    return label


@admin.register(Team)
class TeamAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Teams, who is in them, what they may use."""

    list_display = ("name", "domain", "personal_of", "people", "created_at")
    list_select_related = ("personal_of",)
    list_filter = (("personal_of", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("name", "domain", "memberships__user__email")
    inlines = (MembershipInline, QuotaInline)
    readonly_fields = ("members_page",)

    def has_add_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        return super().get_form(request, obj, change, **options) if obj else NewTeamForm

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (
            ("name", "domain", "personal_of", "created_at", "members_page")
            if obj
            else ("name", "domain", "owner")
        )

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def get_queryset(self, request: HttpRequest) -> Rows:
        rows: Rows = super().get_queryset(request).annotate(member_count=Count("memberships", distinct=True))
        return rows

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        data = form.cleaned_data
        made = team_create(
            actor=actor_of(request), name=data["name"], domain=data["domain"], owner=data["owner"]
        )
        obj.pk, obj._state.adding = made.pk, False  # noqa: SLF001  # the admin goes on with its own copy

    @admin.display(description="members", ordering="member_count")
    def people(self, team: Any) -> int:
        """How many are in it."""
        return int(team.member_count)

    @admin.display(description="members, roles")
    def members_page(self, team: Team) -> SafeString:
        """Where they are changed."""
        return format_html(
            '<a href="{}">Change on the page of the team</a>', reverse("team", args=[team.name])
        )


@admin.register(Quota)
class QuotaAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """What teams were granted; given on its own page, since the instance has a say."""

    list_display = ("team", "instance", "state", "unikernels", "memory", "block", "problem", "changed_at")
    list_filter = ("state", "instance")
    list_select_related = ("team", "instance")
    search_fields = ("team__name", "instance__name")
    readonly_fields = ("grant_page",)

    @admin.display(description="grant another")
    def grant_page(self, quota: Quota) -> SafeString:
        """Where it is changed."""
        return format_html('<a href="{}">Change on the page of quotas</a>', reverse("pages:quotas"))


# --- tokens, events ------------------------------------------------------------------------------


class TokenStateFilter(admin.SimpleListFilter):
    """Usable, expired, revoked."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in ("usable", "expired", "revoked")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        now, state = timezone.now(), self.value()
        if state == "revoked":
            return queryset.filter(revoked_at__isnull=False)
        if state == "expired":
            return queryset.filter(revoked_at=None, expires_at__lte=now)
        lives = Q(expires_at=None) | Q(expires_at__gt=now)
        return queryset.filter(lives, revoked_at=None) if state else queryset


@admin.register(ApiToken)
class TokenAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Tokens, without their secrets, of which only a hash is kept."""

    list_display = ("key_id", "name", "team", "scopes", "created_by", "works", "expires_at", "last_used_at")
    list_filter = (TokenStateFilter, "role", "expires_at")
    list_select_related = ("team", "created_by")
    search_fields = ("key_id", "name", "team__name", "created_by__email")
    exclude = ("secret_hash", "pepper")
    actions = ("revoke",)

    @admin.display(boolean=True, description="usable")
    def works(self, token: ApiToken) -> bool:
        """Whether it lets anybody in."""
        return token.usable and token.created_by.is_active

    @admin.action(description="Revoke")
    @asked("Revoke these tokens? Programs that use them stop working.")
    def revoke(self, request: HttpRequest, rows: Rows) -> None:
        """End the chosen tokens."""
        each(
            self,
            request,
            rows.select_related("team"),
            lambda actor, token: token_revoke(actor=actor, token=token),
        )


class KindFilter(admin.SimpleListFilter):
    """The first word of the kind: what the event is about."""

    title = "about"
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (word, word)
            for word in ("user", "team", "member", "invitation", "token", "quota", "instance", "unikernel")
        ] + [
            (word, word) for word in ("operation", "image", "block", "check", "publisher", "issuer", "system")
        ]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(kind__startswith=f"{self.value()}.") if self.value() else queryset


@admin.register(Event)
class EventAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # generic only for the type checker
    """Everything that happened. Nothing here can be changed, nor anywhere else."""

    list_display = ("at", "kind", "subject", "actor", "credential", "address", "team", "was", "now")
    list_filter = (KindFilter, "at", "instance")
    list_select_related = ("actor", "team", "instance")
    search_fields = ("kind", "subject", "actor__email", "credential", "reason")
    show_full_result_count = False  # the table only grows: do not count it all for each search
    date_hierarchy = "at"
