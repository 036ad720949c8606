"""The base of all API views: policy first, strict input, one error shape."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import structlog
from django.utils import translation
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common.errors import Forbidden, Invalid, NotSignedIn
from apps.common.policies import READ, WRITE, Admin, Policy, Public, SignedIn
from apps.common.problems import in_words

S = TypeVar("S", bound=serializers.BaseSerializer[Any])


class StrictSerializer(serializers.Serializer[Any]):
    """A declared input: keys it does not name are errors."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError(
                {
                    str(key)[:100]: [
                        serializers.ErrorDetail(
                            in_words("This key is not known here.", "此处没有这个键。"), code="unknown_key"
                        )
                    ]
                    for key in sorted(unknown, key=str)
                }
            )
        return super().to_internal_value(data)


class Api(APIView):
    """Every view names its ``policy`` (or ``policies`` by method); without one it is refused."""

    policy: ClassVar[Policy | None] = None
    policies: ClassVar[dict[str, Policy]] = {}

    @classmethod
    def policy_for(cls, method: str) -> Policy | None:
        """The declaration for an HTTP method; HEAD and OPTIONS follow GET or the view's policy."""
        if method in ("HEAD", "OPTIONS"):
            method = "GET"
        return cls.policies.get(method, cls.policy)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Speak the signed-in person's language rather than the browser's, and name both in the logs."""
        if language := getattr(request.user, "language", None):
            translation.activate("zh-hans" if language == "zh" else "en")
        if request.user.is_authenticated:
            structlog.contextvars.bind_contextvars(person_id=str(request.user.pk))
        if "workspace_id" in kwargs:
            structlog.contextvars.bind_contextvars(workspace_id=str(kwargs["workspace_id"]))
        super().initial(request, *args, **kwargs)
        # Bodies are read by a parser that refuses it; PostgreSQL cannot compare with it.
        if "%00" in request.META.get("QUERY_STRING", ""):
            raise Invalid("", "nul", "An address cannot contain the NUL character.")

    def check_permissions(self, request: Request) -> None:
        """Enforce the declaration. WorkspaceApi extends it for ``InWorkspace``."""
        if request.method and request.method.lower() not in self.http_method_names:
            return
        if request.method and not hasattr(self, request.method.lower()):
            return
        self.check_policy(request, self.policy_for(request.method or ""))

    def check_policy(self, request: Request, policy: Policy | None) -> None:
        match policy:
            case Public():
                return
            case SignedIn(browser_only=browser_only):
                self._require_person(request)
                if request.auth is not None and (browser_only or not self._token_may(request)):
                    raise Forbidden
            case Admin():
                self._require_person(request)
                if request.auth is not None or not getattr(request.user, "is_admin", False):
                    raise Forbidden
            case _:
                raise Forbidden

    def _token_may(self, request: Request) -> bool:
        """Outside workspaces a token reads with ``read`` and changes with ``write``."""
        return (READ if request.method in SAFE_METHODS else WRITE) in getattr(request.auth, "scopes", ())

    def _require_person(self, request: Request) -> None:
        if not request.user.is_authenticated:
            raise NotSignedIn

    def read(self, serializer: type[serializers.BaseSerializer[Any]], request: Request) -> Any:
        """The request's body as validated data of ``serializer``; anything else is a 400."""
        bound = serializer(data=request.data)
        bound.is_valid(raise_exception=True)
        return bound.validated_data
