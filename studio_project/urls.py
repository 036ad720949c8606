"""HTTP routes: every app with a ``urls`` module joins by naming ``workspace_urlpatterns``
(mounted under ``/api/v1/workspaces/<workspace_id>/``), ``urlpatterns`` (under ``/api/v1/``) or
``root_urlpatterns`` (under ``/``)."""

from __future__ import annotations

from importlib import import_module

from allauth.headless.account import views as allauth_views
from allauth.headless.constants import Client
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path, re_path

from apps.common import views
from apps.common.policies import PUBLIC, SIGNED_IN_BROWSER, Policy

_modules = [import_module(name) for name in settings.STUDIO_URL_MODULES]


def _collect(attribute: str) -> list[URLPattern | URLResolver]:
    return [route for module in _modules for route in getattr(module, attribute, [])]


def _allauth(view: type[allauth_views.APIView], name: str, route: str) -> URLPattern:
    pattern: URLPattern = path(route, view.as_api_view(client=Client.BROWSER), name=name)
    return pattern


# Only what the product uses of allauth's routes; anything not listed here does not exist.
_signing = [
    _allauth(allauth_views.SessionView, "current_session", "auth/session"),
    _allauth(allauth_views.LoginView, "login", "auth/login"),
    _allauth(allauth_views.SignupView, "signup", "auth/signup"),
    _allauth(allauth_views.RequestPasswordResetView, "request_password_reset", "auth/password/request"),
    _allauth(allauth_views.ResetPasswordView, "reset_password", "auth/password/reset"),
    _allauth(allauth_views.ChangePasswordView, "change_password", "account/password/change"),
]

# Their policies, for the golden file of routes; allauth enforces them.
SIGNING_POLICIES: dict[str, Policy] = {
    "current_session": PUBLIC,
    "login": PUBLIC,
    "signup": PUBLIC,
    "request_password_reset": PUBLIC,
    "reset_password": PUBLIC,
    "change_password": SIGNED_IN_BROWSER,
}

urlpatterns = [
    path("api/v1/workspaces/<uuid:workspace_id>/", include(_collect("workspace_urlpatterns"))),
    path("api/v1/", include(_collect("urlpatterns"))),
    path("_allauth/browser/v1/", include(_signing)),
    *_collect("root_urlpatterns"),
    re_path(r"^(?!(?:api|ws|_allauth|admin|static|assets)(?:/|$)).*$", views.app, name="app"),
]
handler400 = views.bad_request
handler404 = views.not_found
handler500 = views.server_error
