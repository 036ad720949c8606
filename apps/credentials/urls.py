"""Routes of credentials."""

from django.urls import path

from apps.credentials import apis

workspace_urlpatterns = [
    path("credentials", apis.CredentialsApi.as_view()),
    path("credentials/<uuid:credential_id>", apis.CredentialDetailApi.as_view()),
    path("credentials/<uuid:credential_id>/test", apis.CredentialTestApi.as_view()),
]
