"""Routes of credentials and variables."""

from django.urls import path

from apps.credentials import account_apis, apis, kind_apis, variable_apis

workspace_urlpatterns = [
    path("credentials", apis.CredentialsApi.as_view()),
    path("credentials/kinds", kind_apis.CredentialKindsApi.as_view()),
    path("credentials/test", kind_apis.CredentialDraftTestApi.as_view()),
    path("credentials/<uuid:credential_id>", apis.CredentialDetailApi.as_view()),
    path("credentials/<uuid:credential_id>/test", kind_apis.CredentialTestApi.as_view()),
    path("credentials/<uuid:credential_id>/connect", account_apis.CredentialConnectApi.as_view()),
    path("credentials/<uuid:credential_id>/uses", apis.CredentialUsesApi.as_view()),
    path("variables", variable_apis.VariablesApi.as_view()),
    path("variables/<uuid:variable_id>", variable_apis.VariableDetailApi.as_view()),
]
urlpatterns = [path("oauth2/callback", account_apis.OAuth2CallbackApi.as_view())]
