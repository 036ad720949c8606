"""Session, own profile and API tokens."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts import selectors, services
from apps.accounts.models import ApiToken, Person
from apps.accounts.types import PRESENCE_COLORS, Scope
from apps.common.apis import Api, StrictSerializer
from apps.common.paging import page_response, paginate
from apps.common.policies import PUBLIC, SIGNED_IN, SIGNED_IN_BROWSER


class PersonApi(Api):
    """A view for signed-in people."""

    @property
    def person(self) -> Person:
        """Who is asking; only where the policy demands a person."""
        person = self.request.user
        assert isinstance(person, Person)
        return person


class PersonOut(serializers.Serializer[Person]):
    """Oneself."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    language = serializers.ChoiceField(choices=Person.Language.choices)
    color = serializers.IntegerField(help_text="Index of the presence colour, from 1.")
    is_admin = serializers.BooleanField()


class InstanceOut(serializers.Serializer[Any]):
    """What the sign-in and sign-up pages need to know about the instance."""

    needs_owner = serializers.BooleanField()
    needs_code = serializers.BooleanField()
    signup = serializers.ChoiceField(choices=["invite", "open"])
    version = serializers.CharField()
    llm_configured = serializers.BooleanField()


class SessionOut(serializers.Serializer[Any]):
    """Who is signed in, if anyone."""

    authenticated = serializers.BooleanField()
    person = PersonOut(allow_null=True)
    instance = InstanceOut()


class SessionGetApi(Api):
    """The first thing a browser asks; also sets the CSRF cookie."""

    policy = PUBLIC

    @extend_schema(responses=SessionOut, operation_id="session_get")
    def get(self, request: Request) -> Response:
        get_token(request._request)  # noqa: SLF001 - DRF wraps the request Django's CSRF needs
        person = request.user if isinstance(request.user, Person) else None
        needs_owner = selectors.instance_needs_owner()
        instance = {
            "needs_owner": needs_owner,
            "needs_code": needs_owner and not settings.CONFIG.listens_on_loopback_only,
            "signup": settings.CONFIG.signup,
            "version": settings.VERSION,
            "llm_configured": settings.CONFIG.anthropic_api_key is not None,
        }
        return Response(
            SessionOut({"authenticated": person is not None, "person": person, "instance": instance}).data
        )


class MeIn(StrictSerializer):
    """What people may change about themselves."""

    name = serializers.CharField(max_length=80, required=False)
    language = serializers.ChoiceField(choices=Person.Language.choices, required=False)
    color = serializers.IntegerField(min_value=1, max_value=PRESENCE_COLORS, required=False)


class MeApi(PersonApi):
    """One's own profile."""

    policies = {"GET": SIGNED_IN, "PATCH": SIGNED_IN_BROWSER}

    @extend_schema(responses=PersonOut, operation_id="me_get")
    def get(self, request: Request) -> Response:
        return Response(PersonOut(self.person).data)

    @extend_schema(request=MeIn, responses=PersonOut, operation_id="me_update")
    def patch(self, request: Request) -> Response:
        return Response(PersonOut(services.person_update(self.person, self.read(MeIn, request))).data)


class TokenIn(StrictSerializer):
    """A token to be made."""

    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=[scope.value for scope in Scope]),
        min_length=1,
        max_length=len(Scope),
    )
    expires_in_days = serializers.IntegerField(min_value=1, max_value=366, default=90)


class TokenOut(serializers.Serializer[ApiToken]):
    """A token without its secret."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class TokenCreatedOut(TokenOut):
    """The one time the secret is shown."""

    token = serializers.CharField()


class TokenPageOut(serializers.Serializer[Any]):
    """A page of tokens."""

    items = TokenOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class TokensApi(PersonApi):
    """One's API tokens. A token cannot list, make or delete tokens."""

    policy = SIGNED_IN_BROWSER

    @extend_schema(responses=TokenPageOut, operation_id="token_list")
    def get(self, request: Request) -> Response:
        page = paginate(request, selectors.token_list(self.person))
        return page_response(page, TokenOut)

    @extend_schema(request=TokenIn, responses={201: TokenCreatedOut}, operation_id="token_create")
    def post(self, request: Request) -> Response:
        data = self.read(TokenIn, request)
        token, secret = services.token_create(
            self.person,
            name=data["name"],
            scopes=[Scope(scope) for scope in data["scopes"]],
            expires_in_days=data["expires_in_days"],
        )
        return Response({**TokenOut(token).data, "token": secret}, status=201)


class TokenDeleteApi(PersonApi):
    """Revoking a token."""

    policy = SIGNED_IN_BROWSER

    @extend_schema(responses={204: None}, operation_id="token_delete")
    def delete(self, request: Request, token_id: uuid.UUID) -> Response:
        services.token_delete(self.person, token_id)
        return Response(status=204)
