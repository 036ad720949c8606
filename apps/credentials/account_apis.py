"""Connecting accounts of services by OAuth 2: off to the service, and back."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponseRedirect
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.apis import PersonApi
from apps.common.errors import Forbidden
from apps.common.policies import SIGNED_IN_BROWSER, InWorkspace
from apps.common.problems import language_of_request
from apps.credentials import adapters, selectors, services
from apps.credentials.oauth2 import redirect_address
from apps.workspaces.apis import WorkspaceApi
from sage_studio.kernel import SageError


class CredentialConnectOut(serializers.Serializer[Any]):
    """Where the browser goes to sign in at the service."""

    url = serializers.CharField()


class CredentialConnectApi(WorkspaceApi):
    """Begins to connect an account; only from a browser, whose session the answer will be bound to."""

    policy = InWorkspace("credential.manage")
    throttle_scope = "export"

    @extend_schema(request=None, responses=CredentialConnectOut, operation_id="credential_connect")
    def post(self, request: Request, workspace_id: uuid.UUID, credential_id: uuid.UUID) -> Response:
        credential = selectors.credential_get(self.workspace, credential_id)
        session_key = request.session.session_key
        if request.auth is not None or not session_key:
            raise Forbidden
        if services.app_signs_in(credential):
            adapters.app_connect(credential)
            return Response({"url": ""})
        url = services.connect_begin(
            self.person, credential, session_key=session_key, redirect_uri=redirect_address()
        )
        return Response({"url": url})


class OAuth2CallbackApi(PersonApi):
    """Where services send people back to. Whatever happens, the person lands on their credentials."""

    policy = SIGNED_IN_BROWSER
    throttle_scope = "export"

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseRedirect:
        state = request.query_params.get("state", "")[:200]
        try:
            credential, verifier = services.connect_take(
                self.person, state=state, session_key=request.session.session_key or ""
            )
        except SageError as error:
            return _back("/", problem=error.message(language_of_request()))
        place = f"/w/{credential.workspace_id}/credentials"
        refusal = request.query_params.get("error", "")
        code = request.query_params.get("code", "")[:4_000]
        if refusal or not code:
            said = request.query_params.get("error_description") or refusal or "?"
            return _back(place, problem=f"{credential.name}: {said[:300]}")
        try:
            adapters.account_connect(self.person, credential, code, verifier)
        except SageError as error:
            return _back(place, problem=error.message(language_of_request()))
        return _back(place, connected=credential.name)


def _back(place: str, **said: str) -> HttpResponseRedirect:
    answer = HttpResponseRedirect(f"{place}?{urlencode(said)}")
    answer["Referrer-Policy"] = "no-referrer"
    return answer
