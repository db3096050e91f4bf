"""Asking the issuer, and what of its answers is believed.

Never called inside a transaction: each question may take ``SECONDS``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from allauth.core.internal.deferred import jwt
from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from urllib3 import exceptions as transport

from accounts.oidc.settled import issuer, private
from mollymawk.deadline import Deadline, WatchedAdapter

logger = logging.getLogger(__name__)

SECONDS = 5.0  # that an answer may take
MAX_BYTES = 256 * 1024
MAX_SUBJECT = 191  # characters: the column
MAX_EMAIL = 254
# With keys that only the issuer has; never with the client's secret, nor unsigned.
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
DISCOVERY = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_CLAIMS = ("iss", "aud", "exp", "iat", "sub")
# What is not as it should be in what an issuer says.
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


class IssuerFailed(requests.RequestException):
    """The issuer did not answer as it should."""


class IssuerSession(requests.Session):
    """One question to the issuer: where nobody listens, no redirects, within ``SECONDS`` and ``MAX_BYTES``.

    Raises ``requests.RequestException`` for everything but a whole answer with status 200.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # a .netrc would replace the credential
        self._deadline = Deadline(SECONDS)
        for scheme in ("https://", "http://"):
            self.mount(scheme, WatchedAdapter(self._deadline))

    def __enter__(self) -> Self:
        self._deadline.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._deadline.__exit__(None, None, None)

    def request(self, method: str | bytes, url: str | bytes, **options: Any) -> requests.Response:  # type: ignore[override]
        place = url if isinstance(url, str) else url.decode()
        if not private(place):
            raise IssuerFailed("is not reached by https")
        options |= {"timeout": SECONDS, "allow_redirects": False, "stream": True}
        try:
            answer = super().request(method, place, **options)
            data = _read(answer)
        except (OSError, ValueError, HTTPException, transport.HTTPError) as error:
            raise IssuerFailed(f"cannot be reached ({type(error).__name__})") from error
        if self._deadline.over:
            raise IssuerFailed("took too long")
        if len(data) > MAX_BYTES:
            raise IssuerFailed("says too much")
        if answer.status_code != 200:
            raise IssuerFailed(f"answered {answer.status_code} at {urlsplit(place).path}")
        answer._content = data  # noqa: SLF001 - read already, within the limits
        return answer


def _read(answer: requests.Response) -> bytes:
    data = b""
    for chunk in answer.iter_content(16 * 1024):
        data += chunk
        if len(data) > MAX_BYTES:
            break
    return data


class IssuerAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # allauth has no types
    """As allauth's, but for what is believed: only a signed token of this issuer, made for us and now."""

    @property
    def openid_config(self) -> dict[str, Any]:
        if not hasattr(self, "_told"):
            self._told = discovered()
        return self._told

    @property
    def basic_auth(self) -> bool:
        """Where the client's secret goes; in the header unless the issuer takes it in the body, too."""
        return "client_secret_post" not in self.openid_config.get("token_endpoint_auth_methods_supported", [])

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return f"{settings.SITE_URL}{reverse('oidc-callback')}"

    def get_access_token_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            told = super().get_access_token_data(*args, **kwargs)
            return {name: told[name] for name in ("access_token", "id_token")}
        except (OAuth2Error, *_MALFORMED) as error:  # allauth's repeats the answer, tokens and all
            raise OAuth2Error("the answer to the code has no tokens") from error

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        try:
            claims = self._decode_id_token(app, kwargs["response"]["id_token"])
            check_claims(claims, app.client_id)
            told = self._told_of(claims, token.token)
        except _MALFORMED as error:
            raise OAuth2Error("the identity cannot be read") from error
        login = self.get_provider().sociallogin_from_response(request, {"id_token": told})
        login.auth_time = claims.get("auth_time")  # for whoever asks; it is not kept
        return login

    def _told_of(self, claims: dict[str, Any], access_token: str) -> dict[str, Any]:
        """Who it is: what is kept of all that the issuer tells."""
        subject, told = claims["sub"], claims
        if not {"email", "email_verified"} <= claims.keys() and "userinfo_endpoint" in self.openid_config:
            told = self._fetch_user_info(access_token)
            if told["sub"] != subject:  # OpenID Connect Core 5.3.2
                raise OAuth2Error("the user info is about somebody else")
        return {"sub": subject, **address_in(told)}

    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        """The claims of *id_token*. allauth would take it unsigned, since it comes over TLS."""
        if jwt.get_unverified_header(id_token).get("alg") not in ALGORITHMS:
            raise OAuth2Error("the identity is not signed with a key of the issuer")
        claims: dict[str, Any] = jwtkit.verify_and_decode(
            credential=id_token,
            keys_url=self.openid_config["jwks_uri"],
            issuer=issuer(),
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
            verify_signature=True,
        )
        return claims


class IssuerProvider(OpenIDConnectProvider):  # type: ignore[misc]  # allauth has no types
    """The issuer of the settings."""

    oauth2_adapter_class = IssuerAdapter
    pkce_enabled_default = True

    def get_default_scope(self) -> list[str]:
        return ["openid", "email"]


def discovered() -> dict[str, Any]:
    """What the issuer tells of itself. Raises ``IssuerFailed``."""
    with IssuerSession() as session:
        told = session.get(issuer().rstrip("/") + DISCOVERY).json()
    if not isinstance(told, dict) or told.get("issuer") != issuer():
        raise IssuerFailed("calls itself by another name than OIDC_ISSUER")
    for name in _ENDPOINTS:
        if not isinstance(told.get(name), str) or not private(told[name]):
            raise IssuerFailed(f"tells no {name} that is reached by https")
    return told


def check_claims(claims: Mapping[str, Any], client_id: str) -> None:
    """Raise ``OAuth2Error`` unless *claims*, whose signature, issuer, audience and times were right, are
    whole, and meant for us when others are meant, too.
    """
    if missing := [name for name in _CLAIMS if name not in claims]:
        raise OAuth2Error(f"the identity lacks the claim {missing[0]}")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise OAuth2Error("the identity has a sub that is no short text")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise OAuth2Error("the identity is made for somebody else")


def address_in(told: Mapping[str, Any]) -> dict[str, Any]:
    """Address and whether the issuer has confirmed it: the word ``true`` alone does."""
    email = told.get("email")
    if not isinstance(email, str) or len(email) > MAX_EMAIL:
        return {}
    return {"email": email.strip().lower(), "email_verified": told.get("email_verified") is True}
