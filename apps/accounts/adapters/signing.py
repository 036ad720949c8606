"""allauth: our sign-up rules, the frontend's addresses, and what follows a password change."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.adapter import DefaultHeadlessAdapter
from django.conf import settings
from django.http import HttpRequest

from apps.accounts import services
from apps.accounts.events import access_changed
from apps.accounts.models import Person
from apps.audit.services import record
from apps.common.problems import language_of_request, problem_response
from sage_studio.kernel import SageError


class AccountAdapter(DefaultAccountAdapter):
    """Named by ``ACCOUNT_ADAPTER``."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """The form has checked code or invitation already; ``save_user`` checks again in its transaction."""
        return True

    def save_user(self, request: HttpRequest, user: Person, form: Any, commit: bool = True) -> Person:
        data = form.cleaned_data
        try:
            return services.person_sign_up(
                {
                    "email": data["email"],
                    "password": data["password"],
                    "name": data["name"],
                    "language": language_of_request(),
                    "owner_code": data.get("owner_code", ""),
                    "invitation": data.get("invitation", ""),
                }
            )
        except SageError as error:
            raise ImmediateHttpResponse(problem_response(request, error)) from error

    def login(self, request: HttpRequest, user: Person) -> None:
        super().login(request, user)
        record(user, "person.signed_in", target=("person", user.pk))

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        record(None, "person.sign_in_failed", target=("email", str(credentials.get("email", ""))[:100]))

    def logout(self, request: HttpRequest) -> None:
        person = request.user
        super().logout(request)
        if isinstance(person, Person):
            record(person, "person.signed_out", target=("person", person.pk))
            access_changed(person.pk)

    def set_password(self, user: Person, password: str) -> None:
        super().set_password(user, password)
        services.password_changed(user)

    def format_email_subject(self, subject: str) -> str:
        return f"[SAGE Studio] {subject}"


class HeadlessAdapter(DefaultHeadlessAdapter):
    """Named by ``HEADLESS_ADAPTER``: links in mails lead to the single-page app."""

    def get_frontend_url(self, urlname: str, **kwargs: str) -> str:
        paths = {
            "account_reset_password_from_key": "/reset?key={key}",
            "account_reset_password": "/reset",
            "account_signup": "/sign-up",
        }
        return settings.CONFIG.address + paths.get(urlname, "/").format(**kwargs)
