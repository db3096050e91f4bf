"""How people come in: what allauth asks us."""

from __future__ import annotations

import io
from typing import Any

import qrcode
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from qrcode.image.svg import SvgPathFillImage

from accounts.models import User
from accounts.requests import client_address
from accounts.services import user_register
from mollymawk.keyring import seal, unseal


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Registration and login, as this house does them."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "This address and this password do not belong together.",
        "too_many_login_attempts": "Too many failed logins. Try again in a few minutes.",
        "rate_limited": "Too many attempts. Try again in a few minutes.",
        "email_taken": "Somebody else has this address.",
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your present password.",
    }

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """The account that *form* asks for, through the service; *user*, an empty row, is not used."""
        data = form.cleaned_data
        return user_register(email=data["email"], password=data["password1"], address=client_address(request))

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whom the limits on attempts count for."""
        address = client_address(request)
        if address is None:
            raise PermissionDenied(
                "The address of the client is unknown: behind a unix socket, listen on loopback instead "
                "and name the proxy in TRUSTED_PROXIES."
            )
        return address


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Second factors: their seeds are sealed like every other secret."""

    def build_totp_svg(self, url: str) -> str:
        """A QR code on white: cameras do not read one on the dark theme's background."""
        picture = io.BytesIO()
        qrcode.make(url, image_factory=SvgPathFillImage).save(picture)
        return picture.getvalue().decode()

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)
