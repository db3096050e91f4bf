"""How people come in: what allauth asks us."""

from __future__ import annotations

import io
from typing import Any

import qrcode
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.internal.stagekit import clear_login
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from qrcode.image.svg import SvgPathFillImage

from accounts import registration
from accounts.actors import SYSTEM
from accounts.failures import password_failed
from accounts.mail.services import letter_to
from accounts.models import User
from accounts.oidc import settled
from accounts.oidc.services import identities_of
from accounts.requests import client_address
from accounts.services import user_activate, user_register
from mollymawk.keyring import seal, unseal

MAIL_TOPIC = "account"  # none of accounts.mail.topics: these letters are not chosen


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Registration and login, as this house does them."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "This address and this password do not belong together.",
        "too_many_login_attempts": "Too many failed logins. Try again in a few minutes.",
        "rate_limited": "Too many attempts. Try again in a few minutes.",
        "duplicate_email": "You log in with this address already.",
        "email_taken": "Somebody else has this address.",
        "incorrect_password": "This is not your password.",
        "enter_current_password": "This is not your present password.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return registration.is_open(request)

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """The account that *form* asks for, through the service; *user*, an empty row, is not used."""
        email = form.cleaned_data["email"]
        if registration.invited_address(request) == email:
            self.stash_verified_email(request, email)  # the link of the invitation came to this address
        return user_register(
            email=email,
            password=form.cleaned_data.get("password1"),
            admitted=not settings.REGISTRATION_APPROVAL,
            address=client_address(request),
        )

    def pre_login(self, request: HttpRequest, user: User, **facts: Any) -> HttpResponse | None:
        """What stands between *user*, who proved to be that, and a session: None for nothing."""
        response: HttpResponse | None
        if registration.comes_in(user):
            user_activate(actor=SYSTEM, user=user)
        address = None if user.is_active else registration.unconfirmed(user)
        if address is None:
            response = super().pre_login(request, user, **facts)
        else:
            clear_login(request)
            response = self.ask_to_confirm(request, address)
        return response

    def unstash_verified_email(self, request: HttpRequest) -> str | None:
        """As allauth's, without a session for who has none: its cookie would tell new from known addresses."""
        email: str | None = request.session.pop("account_verified_email", None)
        return email

    def get_reauthentication_methods(self, user: User | AnonymousUser) -> list[dict[str, Any]]:
        """As allauth's; for who has neither password nor second factor, the issuer that lets them in."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if methods or not isinstance(user, User) or not identities_of(user).exists():
            return methods
        words = f"Log in at {settled.name()} again"
        return [{"id": "oidc", "description": words, "url": reverse("oidc-prove")}]

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        password_failed(request, str(credentials.get("email") or ""))

    def ask_to_confirm(self, request: HttpRequest, address: EmailAddress) -> HttpResponse:
        """Send the link that confirms *address* (one in three minutes), and say where to look."""
        send_verification_email_to_address(request, address, signup=True)
        response: HttpResponse = self.respond_email_verification_sent(request, None)
        return response

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        if not email_address.user.is_active:
            return reverse("account_inactive")
        url: str = super().get_email_verification_redirect_url(email_address)
        return url

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write a letter about an account; a worker sends it. Were it sent here, the time that a page takes
        and a mail server that is out of reach would tell which addresses are known.
        """
        mail = self.render_mail(
            template_prefix, email, {**context, "email": email, "site_url": settings.SITE_URL}
        )
        letter_to(address=email, topic=MAIL_TOPIC, subject=mail.subject, text=mail.body)

    def format_email_subject(self, subject: str) -> str:
        """*subject* as it is: letters get their prefix when they are sent."""
        return subject

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

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This did not prove it. Try again."
    }

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return entity | {"name": "Mollymawk"}

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002  # allauth's word
        """What a new key is called unless its holder calls it something else."""
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return "Passkey" if number == 1 else f"Passkey {number}"

    def build_totp_svg(self, url: str) -> str:
        """A QR code on white: cameras do not read one on the dark theme's background."""
        picture = io.BytesIO()
        qrcode.make(url, image_factory=SvgPathFillImage).save(picture)
        return picture.getvalue().decode()

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)
