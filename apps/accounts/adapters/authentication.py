"""DRF: sessions with CSRF, and bearer tokens."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.accounts import selectors, services
from apps.accounts.models import ApiToken, Person
from apps.common.errors import NotSignedIn


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer sage_…``; ``request.auth`` is then the token."""

    def authenticate(self, request: Request) -> tuple[Person, ApiToken] | None:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        token = selectors.token_find(secret.strip())
        if token is None:
            raise NotSignedIn
        services.token_used(token)
        return token.person, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
