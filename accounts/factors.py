"""Second factors: what allauth's forms ask, within our limits on attempts and in our words."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.core import context, ratelimit
from allauth.mfa.base import forms as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as webauthn
from django import forms

from accounts.failures import passkey_failed

ACTION = "second_factor"  # in ACCOUNT_RATE_LIMITS


class LimitedCode(forms.Form):
    """A code that may be tried only so often, however many addresses the tries come from."""

    def clean_code(self) -> str:
        user = self.user  # type: ignore[attr-defined]  # of the forms below
        if not ratelimit.consume(context.request, action=ACTION, user=user):
            raise get_adapter().validation_error("too_many_login_attempts")
        code: str = super().clean_code()  # type: ignore[misc]  # of the forms below
        ratelimit.clear(context.request, action=ACTION, user=user)
        return code


class AuthenticateForm(LimitedCode, mfa.AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    """A code after the password."""


class ReauthenticateForm(LimitedCode, mfa.ReauthenticateForm):  # type: ignore[misc]  # allauth has no types
    """A code before a sensitive change."""


class ToldPasskey(forms.Form):
    """A passkey or security key that lets nobody in is written down, as allauth does for codes."""

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()  # type: ignore[misc]  # of the forms below
        except forms.ValidationError:
            passkey_failed(context.request, self.user)  # type: ignore[attr-defined]
            raise


class LoginPasskeyForm(ToldPasskey, webauthn.LoginWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """Nothing but a passkey."""


class AuthenticatePasskeyForm(ToldPasskey, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]  # the same
    """A security key after the password."""


class ReauthenticatePasskeyForm(ToldPasskey, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]  # the same
    """A security key before a sensitive change."""


class AddPasskeyForm(webauthn.AddWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """A passkey, or a key that is asked for after the password."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].help_text = "Such as the name of the phone."
        alone = self.fields["passwordless"]
        alone.label, alone.initial = "It lets me in alone, without the password", True
        alone.help_text = "It then asks for its PIN, a finger or a face. Otherwise it is a second factor after the password."
