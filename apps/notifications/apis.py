"""One's notices."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.apis import PersonApi
from apps.common.apis import StrictSerializer
from apps.common.paging import page_response, paginate
from apps.common.policies import SIGNED_IN
from apps.common.problems import language_of_request
from apps.notifications import selectors, services
from apps.notifications.models import Notification


class NotificationOut(serializers.Serializer[Notification]):
    """A notice in the person's language."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    title = serializers.SerializerMethodField()
    body = serializers.SerializerMethodField()
    link = serializers.CharField(help_text="A path inside the app, or empty.")
    workspace_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)

    def get_title(self, notification: Notification) -> str:
        return str(notification.title[language_of_request()])

    def get_body(self, notification: Notification) -> str:
        return str(notification.body[language_of_request()])


class NotificationPageOut(serializers.Serializer[Any]):
    """A page of notices, newest first, and how many are unread in all."""

    items = NotificationOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    unread = serializers.IntegerField()


class NotificationsApi(PersonApi):
    """The list."""

    policy = SIGNED_IN

    @extend_schema(responses=NotificationPageOut, operation_id="notification_list")
    def get(self, request: Request) -> Response:
        page = paginate(request, selectors.notification_list(self.person))
        return page_response(page, NotificationOut, unread=selectors.unread_count(self.person))


class NotificationsReadIn(StrictSerializer):
    """Which notices were read; all when ``ids`` is absent."""

    ids = serializers.ListField(child=serializers.UUIDField(), max_length=200, required=False)


class NotificationsReadOut(serializers.Serializer[Any]):
    """How many were unread before."""

    read = serializers.IntegerField()


class NotificationsReadApi(PersonApi):
    """Marking as read."""

    policy = SIGNED_IN

    @extend_schema(
        request=NotificationsReadIn, responses=NotificationsReadOut, operation_id="notifications_read"
    )
    def post(self, request: Request) -> Response:
        ids = self.read(NotificationsReadIn, request).get("ids")
        return Response({"read": services.notifications_read(self.person, ids)})
