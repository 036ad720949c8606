"""Routes of triggers: those of the workspace, and the addresses that start flows."""

from __future__ import annotations

from django.urls import path

from apps.common.policies import PUBLIC
from apps.common.views import POLICIES
from apps.triggers import apis, forms, hooks

# Each decides for itself who may start a flow, by what the trigger is set to.
POLICIES.update(dict.fromkeys(("hook", "hook_test", "hook_run", "form", "form_run"), PUBLIC))
workspace_urlpatterns = [
    path("triggers", apis.TriggersApi.as_view()),
    path("triggers/<uuid:trigger_id>", apis.TriggerDetailApi.as_view()),
    path("triggers/<uuid:trigger_id>/listen", apis.TriggerListenApi.as_view()),
    path("flows/<uuid:flow_id>/triggers", apis.FlowTriggersApi.as_view()),
]
root_urlpatterns = [
    path("hooks/<uuid:trigger_id>", hooks.hook, name="hook"),
    path("hooks/<uuid:trigger_id>/test", hooks.hook_test, name="hook_test"),
    path("hooks/<uuid:trigger_id>/runs/<str:token>", hooks.hook_run, name="hook_run"),
    path("forms/<uuid:trigger_id>", forms.form, name="form"),
    path("forms/<uuid:trigger_id>/runs/<str:token>", forms.form_run, name="form_run"),
]
