"""Forms of the pages about people."""

from __future__ import annotations

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.forms import SignupForm as AllauthSignupForm
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest, HttpResponse

from accounts.models import User
from mollymawk.errors import Conflict


class SignupForm(AllauthSignupForm):  # type: ignore[misc]  # allauth has no types
    """Asks to be let in. Who asks again is answered as the first time: an account that waits tells
    nobody that it is there, nor does one that is in use.
    """

    def validate_unique_email(self, value: str) -> str:
        if app_settings.EMAIL_VERIFICATION == app_settings.EmailVerificationMethod.MANDATORY:
            return str(super().validate_unique_email(value))  # hides it as well, and sends a mail
        self.account_already_exists = User.objects.filter(email=value).exists()
        return value

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        if app_settings.EMAIL_VERIFICATION == app_settings.EmailVerificationMethod.MANDATORY:
            user, response = super().try_save(request)
            return user, response
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])  # takes the time that a new account takes
            return None, self._wait(request)
        try:
            return self.save(request), None
        except Conflict:  # registered by a second request meanwhile
            return None, self._wait(request)

    def _wait(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = get_adapter(request).respond_user_inactive(request, None)
        return response
