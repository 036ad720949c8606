"""The console's site: Django's admin in unfold's theme, behind the same sign-in and policy as the app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import urlencode
from unfold.sites import UnfoldAdminSite

from apps.accounts.models import Person
from apps.common.problems import language_of_request
from sage_studio.kernel import Text

# The theme's Alpine evaluates expressions in attributes; the app itself allows neither eval nor inline.
_CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; "
    "font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class _Group:
    """A part of the console: its name and its models' names, in the reader's language."""

    name: Text
    models: dict[str, Text]


_GROUPS = (
    _Group(
        {"en": "People", "zh": "人员"},
        {
            "Person": {"en": "People", "zh": "人员"},
            "ApiToken": {"en": "API tokens", "zh": "API 令牌"},
            "Workspace": {"en": "Workspaces", "zh": "工作区"},
        },
    ),
    _Group(
        {"en": "Work", "zh": "工作"},
        {
            "Flow": {"en": "Flows", "zh": "流程"},
            "Run": {"en": "Runs", "zh": "运行"},
            "Template": {"en": "Templates", "zh": "模板"},
            "PluginRule": {"en": "Rules for plug-ins", "zh": "插件规则"},
        },
    ),
    _Group(
        {"en": "Operations", "zh": "运维"},
        {
            "OutboxEvent": {"en": "Domain events", "zh": "领域事件"},
            "AuditEntry": {"en": "Audit trail", "zh": "审计记录"},
        },
    ),
)


class Console(UnfoldAdminSite):
    """Mounted at ``/admin/``; for instance administrators (the policy ``ADMIN``)."""

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """The registered models by concern instead of by app."""
        language = language_of_request()
        known = {
            model["object_name"]: model
            for app in self._build_app_dict(request, app_label).values()
            for model in app["models"]
        }
        return [
            {
                "name": group.name[language],
                "app_label": group.name["en"].lower(),
                "app_url": "/admin/",
                "has_module_perms": True,
                "models": [
                    known[name] | {"name": title[language]}
                    for name, title in group.models.items()
                    if name in known
                ],
            }
            for group in _GROUPS
        ]

    def has_permission(self, request: HttpRequest) -> bool:
        """An active person marked as administrator, asked anew on every request."""
        person = request.user
        return isinstance(person, Person) and person.is_active and person.is_admin

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The console has no sign-in of its own, so throttles, rotation and audit are the app's."""
        if isinstance(request.user, Person):
            return HttpResponse(
                "Administrators only. 仅限管理员。", status=403, content_type="text/plain; charset=utf-8"
            )
        return HttpResponseRedirect(f"/sign-in?{urlencode({'next': '/admin/'})}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Back to the app, where one signs out."""
        return HttpResponseRedirect("/")

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Passwords are changed in the app."""
        return HttpResponseRedirect("/me")

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response: HttpResponse = inner(request, *args, **kwargs)
            response.headers.setdefault("Content-Security-Policy", _CSP)
            return response

        wrapped.admin_site = self  # type: ignore[attr-defined] # tells the route inventory whose view this is
        return wrapped


console = Console(name="admin")
