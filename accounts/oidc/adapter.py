"""Whom an identity of the issuer lets in: what allauth asks us.

A known one lets in its person. One that comes for the first time makes an account as ``REGISTRATION`` and
``REGISTRATION_APPROVAL`` say, or is connected to the account with its address where that is trusted.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.internal.flows.login import record_authentication
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from accounts import registration
from accounts.actors import Actor
from accounts.failures import issuer_failed
from accounts.models import User
from accounts.oidc import settled
from accounts.oidc.issuer import IssuerProvider, IssuerSession
from accounts.oidc.services import identity_link, identity_register, may_link_itself, tell_by_mail
from accounts.proof import BEFORE_FORM
from accounts.requests import actor_of, client_address
from mollymawk.errors import ApplicationError

PROVE = "prove"  # beside allauth's AuthProcess: who is logged in shows again who they are

logger = logging.getLogger(__name__)


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Coming in by the issuer, as this house does it."""

    def list_apps(
        self, request: HttpRequest, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        """The issuer of the settings. A row in the database is none: it would let in whoever can write one."""
        issuer = settled.issuer()
        if not issuer or provider not in (None, IssuerProvider.id, issuer):
            return []
        app = SocialApp(
            provider=IssuerProvider.id,
            provider_id=issuer,  # kept with each identity: another issuer's `sub` is somebody else
            name=settled.name(),
            client_id=settings.OIDC_CLIENT_ID,
            secret=settings.OIDC_CLIENT_SECRET,
            settings={"server_url": issuer},
        )
        return [app]

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> IssuerProvider:
        return IssuerProvider(request, app=self.get_app(request, provider=provider, client_id=client_id))

    def get_requests_session(self) -> IssuerSession:
        return IssuerSession()

    def authenticate_by_email(self, sociallogin: SocialLogin) -> None:
        """Never: see ``pre_social_login``."""

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        if exception is not None:
            raise ImmediateHttpResponse(failed(request, exception))
        if error == AuthError.CANCELLED or "error" in request.GET:
            raise ImmediateHttpResponse(refused(request, f"{settled.name()} did not let you in."))
        raise ImmediateHttpResponse(refused(request, "This login is over, or was begun in another browser."))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            raise ImmediateHttpResponse(connected(request, sociallogin))
        if sociallogin.state.get("process") == PROVE:
            raise ImmediateHttpResponse(proved(request, sociallogin))
        if sociallogin.is_existing:
            return
        email = confirmed_address(sociallogin)
        if email is None:
            sentence = f"{settled.name()} does not say that you have an address, and that it is yours."
            raise ImmediateHttpResponse(refused(request, sentence))
        if user := User.objects.filter(email=email).first():
            _linked(request, sociallogin, user)
        elif registration.is_open(request) and not registration.may_register(request, email):
            sentence = f"The invitation went to another address than {email}."
            raise ImmediateHttpResponse(refused(request, sentence))

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> User:
        """The account of who is here for the first time, through the service."""
        email, address = confirmed_address(sociallogin), client_address(request)
        assert email is not None
        try:
            user = identity_register(email=email, account=sociallogin.account, address=address)
        except ApplicationError as error:
            raise ImmediateHttpResponse(refused(request, str(error))) from error
        sociallogin.user = user
        return user


def confirmed_address(sociallogin: SocialLogin) -> str | None:
    """The address that the issuer vouches for, folded."""
    return next((told.email.lower() for told in sociallogin.email_addresses if told.verified), None)


def connected(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    """Who is logged in also comes in by this identity from now on."""
    user = request.user
    if not isinstance(user, User):
        return redirect("oidc")
    try:
        if sociallogin.is_existing and sociallogin.user == user:
            messages.info(request, "It was connected already.")
        else:
            identity_link(actor=actor_of(request), user=user, account=_new(sociallogin))
            tell_by_mail(user, "oidc_connected")
            messages.success(request, f"{settled.name()} lets you in from now on.")
    except ApplicationError as error:
        messages.error(request, str(error))
    return redirect("oidc")


def proved(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    """Who is logged in has shown at the issuer who they are: they go on with what they wanted."""
    if not sociallogin.is_existing or sociallogin.user != request.user:
        messages.error(request, "That is another account than the one that lets you in here.")
    elif not just_now(getattr(sociallogin, "auth_time", None)):
        messages.error(request, f"{settled.name()} did not ask who you are. Log out there, then try again.")
    else:
        record_authentication(request, sociallogin)
        return redirect(sociallogin.get_redirect_url(request) or "/")
    return redirect("oidc-prove")


def just_now(auth_time: object) -> bool:
    """Whether somebody logged in at the issuer a moment ago, as far as it tells (s since 1970; None: it
    does not).
    """
    if auth_time is None:
        return True
    return isinstance(auth_time, int | float) and time.time() - auth_time < BEFORE_FORM


def refused(request: HttpRequest, sentence: str) -> HttpResponse:
    """The page of who did not get in; the log tells that somebody tried."""
    issuer_failed(request)
    return _page(request, sentence, 403)


def _page(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    context = {"sentence": sentence, "issuer": settled.name()}
    return render(request, "accounts/oidc_refused.html", context, status=status)


def failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """The page of who cannot get in because the issuer does not do what it should; the log says what."""
    logger.warning("no login by %s: %s", settled.issuer(), error)
    sentence = f"{settled.name()} does not answer as it should just now. Try again in a while."
    return _page(request, sentence, 502)


def _linked(request: HttpRequest, sociallogin: SocialLogin, user: User) -> None:
    if not may_link_itself(user):
        sentence = (
            f"There is an account with the address {user.email} already. Log in to it with its password, "
            f"then connect {settled.name()} in its menu."
        )
        raise ImmediateHttpResponse(refused(request, sentence))
    actor = Actor(user, "oidc", client_address(request))
    try:
        identity_link(actor=actor, user=user, account=sociallogin.account)
    except ApplicationError as error:
        raise ImmediateHttpResponse(refused(request, str(error))) from error
    tell_by_mail(user, "oidc_connected")
    sociallogin.user = user


def _new(sociallogin: SocialLogin) -> Any:
    """The identity as a row of its own: one that is somebody's must not become somebody else's."""
    account = sociallogin.account
    return type(account)(provider=account.provider, uid=account.uid, extra_data=account.extra_data)
