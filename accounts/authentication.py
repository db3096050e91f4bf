"""How programs come in: ``Authorization: Bearer mm_…``."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.services.tokens import token_find, token_used


class TokenAuthentication(BaseAuthentication):
    """Bearer tokens. The maker becomes ``request.user``, the token ``request.auth``."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = token_find(text.strip())
        if token is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked, or its maker is shut out.")
        token_used(token)
        return token.created_by, token

    def authenticate_header(self, request: Request) -> str:
        given = b"bearer" in get_authorization_header(request)[:6].lower()
        return 'Bearer realm="mollymawk"' + (', error="invalid_token"' if given else "")
