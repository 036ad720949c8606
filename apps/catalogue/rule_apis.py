"""Rules of the operator over plug-ins, for administrators of the installation."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Person
from apps.catalogue import services
from apps.catalogue.rules import rules
from apps.common.apis import Api, StrictSerializer
from apps.common.policies import ADMIN


class PluginRuleOut(serializers.Serializer[Any]):
    """``plugin_id`` ``*`` is the rule for plug-ins without one of their own; ``is_setting`` says that it
    comes from ``SAGE_PLUGIN_RULES`` and is not changed here."""

    plugin_id = serializers.CharField()
    is_allowed = serializers.BooleanField()
    pinned = serializers.CharField()
    note = serializers.CharField()
    is_setting = serializers.BooleanField()


class PluginRulesOut(serializers.Serializer[Any]):
    """All rules; there is one page."""

    items = PluginRuleOut(many=True)


class PluginRuleIn(StrictSerializer):
    """``pinned`` is the one version that may be used, or the digest of the one package."""

    plugin_id = serializers.RegexField(r"^(\*|[a-z][a-z0-9_]{1,63})$")
    is_allowed = serializers.BooleanField(allow_null=True)
    pinned = serializers.CharField(required=False, allow_blank=True, default="", max_length=71)
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)


class PluginRulesApi(Api):
    """Which plug-ins workspaces may use. A rule with ``is_allowed`` null is taken back."""

    policy = ADMIN

    @extend_schema(responses=PluginRulesOut, operation_id="plugin_rule_list")
    def get(self, request: Request) -> Response:
        return Response({"items": PluginRuleOut(rules(), many=True).data})

    @extend_schema(request=PluginRuleIn, responses=PluginRulesOut, operation_id="plugin_rule_set")
    def put(self, request: Request) -> Response:
        data = self.read(PluginRuleIn, request)
        person = cast(Person, request.user)
        services.plugin_rule_set(
            person,
            data["plugin_id"],
            is_allowed=data["is_allowed"],
            pinned=data["pinned"],
            note=data["note"],
        )
        return self.get(request)
