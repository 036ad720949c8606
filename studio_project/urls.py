"""HTTP routes: every app with a ``urls`` module joins by naming ``workspace_urlpatterns``
(mounted under ``/api/v1/workspaces/<workspace_id>/``), ``urlpatterns`` (under ``/api/v1/``) or
``root_urlpatterns`` (under ``/``)."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.urls import include, path

_modules = [import_module(name) for name in settings.STUDIO_URL_MODULES]


def _collect(attribute: str) -> list[object]:
    return [route for module in _modules for route in getattr(module, attribute, [])]


urlpatterns = [
    path("api/v1/workspaces/<uuid:workspace_id>/", include(_collect("workspace_urlpatterns"))),
    path("api/v1/", include(_collect("urlpatterns"))),
    path("_allauth/", include("allauth.headless.urls")),
    *_collect("root_urlpatterns"),
]
