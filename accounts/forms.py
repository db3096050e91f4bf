"""Forms of the pages about people."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.core import context
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts import registration
from accounts.models import User
from accounts.scopes import ABOUT, Scope
from accounts.services.tokens import DEFAULT_DAYS, MAX_DAYS, MAX_NAME
from accounts.services.users import address_vouch
from albatross.names import MAX_LABEL
from mollymawk.errors import ApplicationError, Conflict, Unproven

STRENGTH_HELP = "At least 10 characters, and not a common one."
ROLES = [
    ("viewer", "viewer: reads, follows consoles"),
    ("deployer", "deployer: also deploys, restarts, destroys"),
    ("owner", "owner: also members and tokens"),
]
SCOPES = [(scope.value, f"{scope}: {about.text}") for scope, about in ABOUT.items()]
LIFETIMES = [(days, f"{days} days") for days in (7, 30, DEFAULT_DAYS, 180, MAX_DAYS)]


class ShortHelp(forms.Form):
    """Says in one line what a password has to be; what is wrong with one is told when it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = STRENGTH_HELP


class ChangePasswordForm(ShortHelp, allauth_forms.ChangePasswordForm):  # type: ignore[misc]  # allauth has no types
    """Another password."""


class ResetPasswordKeyForm(ShortHelp, allauth_forms.ResetPasswordKeyForm):  # type: ignore[misc]  # allauth has no types
    """A password instead of a forgotten one."""


class AddEmailForm(allauth_forms.AddEmailForm):  # type: ignore[misc]  # allauth has no types
    """Another address instead of the present one."""

    def save(self, request: HttpRequest) -> EmailAddress:
        # allauth takes the unconfirmed address for the last wish to change it, and removes it: without
        # this whoever came in without a link would have no address at all.
        address_vouch(self.user)
        return super().save(request)


class SignupForm(ShortHelp, allauth_forms.SignupForm):  # type: ignore[misc]  # allauth has no types
    """Asks to be let in. Who asks again is answered as the first time: an account that waits tells
    nobody that it is there, nor does one that is in use.
    """

    def validate_unique_email(self, value: str) -> str:
        if not registration.may_register(context.request, value):
            raise forms.ValidationError("The invitation went to another address; use that one.")
        self.account_already_exists = User.objects.filter(email=value).exists()
        return value

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])  # takes the time that a new account takes
            return None, self._answered(request)
        try:
            return self.save(request), None
        except Conflict:  # registered by a second request meanwhile
            return None, self._answered(request)

    def _answered(self, request: HttpRequest) -> HttpResponse:
        adapter, user = get_adapter(request), User.objects.get(email=self.cleaned_data["email"])
        response: HttpResponse
        if not registration.verifies():
            response = adapter.respond_user_inactive(request, user)
            return response
        known = EmailAddress(user=None, email=user.email)  # gets a mail that it is registered already
        response = adapter.ask_to_confirm(request, registration.unconfirmed(user) or known)
        return response


class SetupForm(forms.Form):
    """The first superuser: the printed token, an address, a password."""

    token = forms.CharField(
        label="Set-up token",
        max_length=200,
        help_text="The server printed it at its start; manage.py setup_token prints a new one.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    email = forms.EmailField(label="Email", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label="Password",
        strip=False,
        help_text=STRENGTH_HELP,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="Password, again",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if {"password", "again"} <= data.keys() and data["password"] != data["again"]:
            self.add_error("again", "The two passwords differ.")
        return data


class TeamForm(forms.Form):
    """A new team."""

    name = forms.CharField(
        max_length=MAX_LABEL,
        help_text="Letters, digits, dots, hyphens. It is also the first part of its unikernels' names and never changes.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.ChoiceField(choices=ROLES)


class InviteForm(RoleForm):
    """Somebody is asked to join the team."""

    email = forms.EmailField(
        label="Email",
        help_text="Gets a letter with a link, good for a week. Who has no account makes one there.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    field_order = ["email", "role"]


class TransferForm(forms.Form):
    """Another member becomes the owner."""

    member = forms.ModelChoiceField(User.objects.none(), label="New owner", empty_label=None)

    def __init__(self, *args: Any, members: QuerySet[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["member"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = members


class RightsForm(forms.Form):
    """What something may be used for."""

    scopes = forms.MultipleChoiceField(
        label="May",
        choices=SCOPES,
        initial=[Scope.READ, Scope.CONSOLE, Scope.UPGRADE],
        widget=forms.CheckboxSelectMultiple,
    )
    unikernels = forms.CharField(
        label="Only these unikernels",
        required=False,
        help_text="Names, separated by spaces; they need not be there yet. Empty: all of the team.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def rights(self) -> dict[str, Any]:
        """What was chosen, for a service."""
        names = self.cleaned_data["unikernels"].replace(",", " ").split()
        return {"scopes": self.cleaned_data["scopes"], "unikernels": names or None}


class TokenForm(RightsForm):
    """A new API token."""

    name = forms.CharField(max_length=MAX_NAME, help_text="What uses it, such as the name of a repository.")
    networks = forms.CharField(
        label="Only from these networks",
        required=False,
        help_text="Such as 192.0.2.0/24, separated by spaces. Empty: from anywhere.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    days = forms.TypedChoiceField(
        label="Valid for", coerce=int, choices=LIFETIMES, initial=DEFAULT_DAYS, empty_value=None
    )

    field_order = ["name", "scopes", "unikernels", "networks", "days"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.TOKENS_WITHOUT_EXPIRY:
            self.fields["days"] = forms.TypedChoiceField(
                label="Valid for",
                coerce=int,
                choices=[*LIFETIMES, ("", "for ever")],
                initial=DEFAULT_DAYS,
                empty_value=None,
                required=False,
            )

    def wanted(self) -> dict[str, Any]:
        """What was filled in, for the service."""
        data = self.cleaned_data
        networks = data["networks"].replace(",", " ").split()
        return self.rights() | {"name": data["name"], "networks": networks, "days": data["days"]}


def blame(form: forms.Form, error: ApplicationError) -> None:
    """Put what a service refused into *form*: beside the field that is to blame, else on top."""
    if isinstance(error, Unproven):
        raise error  # no field of the form is to blame: accounts.proof asks for the proof
    placed = False
    for field, texts in error.fields.items():
        if field in form.fields:
            form.add_error(field, list(texts))
            placed = True
    if not placed:
        form.add_error(None, [str(error), *error.reasons])
