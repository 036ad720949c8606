"""The fields sign-up takes beside email and password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _

from apps.accounts import services
from apps.accounts.models import Person
from apps.accounts.types import EMAIL_LENGTH
from apps.common.problems import language_of_request
from sage_studio.kernel import SageError


class SignupForm(forms.Form):
    """allauth mixes this in (``ACCOUNT_SIGNUP_FORM_CLASS``)."""

    name = forms.CharField(max_length=80, strip=True)
    owner_code = forms.CharField(max_length=40, required=False)
    invitation = forms.CharField(max_length=200, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if len(cleaned.get("email") or "") > EMAIL_LENGTH:
            self.add_error(
                "email", forms.ValidationError(_("Enter a valid email address."), code="max_length")
            )
        try:
            services.signup_check(
                email=cleaned.get("email") or "",
                owner_code=cleaned.get("owner_code", ""),
                invitation=cleaned.get("invitation", ""),
            )
        except SageError as error:
            place = "owner_code" if error.code.code == "signup.owner_code" else "invitation"
            message = f"{error.message(language_of_request())} {error.hint(language_of_request())}"
            self.add_error(place, forms.ValidationError(message, code=error.code.code))
        return cleaned

    def signup(self, request: HttpRequest, user: Person) -> None:
        """Everything has been done in the adapter's transaction."""
