"""Routes of notices, under ``/api/v1/``."""

from django.urls import path

from apps.notifications import apis

urlpatterns = [
    path("notifications", apis.NotificationsApi.as_view()),
    path("notifications/read", apis.NotificationsReadApi.as_view()),
]
