"""How programs come in: ``Authorization: Bearer mm_…``."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.requests import client_address
from accounts.services.tokens import token_admit


class TokenAuthentication(BaseAuthentication):
    """Bearer tokens. The maker becomes ``request.user``, the token ``request.auth``."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = token_admit(text.strip(), client_address(request))
        if token is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked, or its maker is shut out.")
        return token.created_by, token

    def authenticate_header(self, request: Request) -> str:
        given = b"bearer" in get_authorization_header(request)[:6].lower()
        return 'Bearer realm="mollymawk"' + (', error="invalid_token"' if given else "")
