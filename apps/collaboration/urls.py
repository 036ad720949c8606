"""Routes of one flow and its live document."""

from django.urls import path

from apps.collaboration import activity_apis, apis, comment_apis, share_apis, visit_apis

urlpatterns = [path("shared/<str:token>", share_apis.SharedFlowApi.as_view())]
workspace_urlpatterns = [
    path("flows/<uuid:flow_id>", apis.FlowDetailApi.as_view()),
    path("flows/<uuid:flow_id>/definition", apis.FlowDefinitionApi.as_view()),
    path("flows/<uuid:flow_id>/patches", apis.FlowPatchesApi.as_view()),
    path("flows/<uuid:flow_id>/problems", apis.FlowProblemsApi.as_view()),
    path("flows/<uuid:flow_id>/document", apis.FlowDocumentApi.as_view()),
    path("flows/<uuid:flow_id>/document/recovery", apis.DocumentRecoveryApi.as_view()),
    path("presence", visit_apis.PresenceApi.as_view()),
    path("flows/<uuid:flow_id>/links", share_apis.ShareLinksApi.as_view()),
    path("flows/<uuid:flow_id>/links/<uuid:link_id>", share_apis.ShareLinkApi.as_view()),
    path("flows/<uuid:flow_id>/activity", activity_apis.ActivityApi.as_view()),
    path("flows/<uuid:flow_id>/comments", comment_apis.CommentsApi.as_view()),
    path("flows/<uuid:flow_id>/comments/<uuid:thread_id>", comment_apis.ThreadApi.as_view()),
    path("flows/<uuid:flow_id>/comments/<uuid:thread_id>/replies", comment_apis.RepliesApi.as_view()),
    path(
        "flows/<uuid:flow_id>/comments/<uuid:thread_id>/replies/<uuid:comment_id>",
        comment_apis.ReplyApi.as_view(),
    ),
    path(
        "flows/<uuid:flow_id>/comments/<uuid:thread_id>/replies/<uuid:comment_id>/reactions",
        comment_apis.ReactionApi.as_view(),
    ),
]
