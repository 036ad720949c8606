"""The console, under ``/admin/``."""

from django.urls import path

from apps.operations.console import console

root_urlpatterns = [path("admin/", console.urls)]
