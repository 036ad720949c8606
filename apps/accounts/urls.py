"""Routes of accounts, under ``/api/v1/``; signing in and up is allauth's, under ``/_allauth/browser/v1/``."""

from django.urls import path

from apps.accounts import apis

urlpatterns = [
    path("session", apis.SessionGetApi.as_view()),
    path("me", apis.MeApi.as_view()),
    path("tokens", apis.TokensApi.as_view()),
    path("tokens/<uuid:token_id>", apis.TokenDeleteApi.as_view()),
]
