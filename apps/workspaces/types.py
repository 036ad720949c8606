"""Roles and actions: the words of the permission policy."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a person is in one workspace; each includes the ones before it."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"


class Action(StrEnum):
    """What routes ask for."""

    FLOW_VIEW = "flow.view"
    RUN_VIEW = "run.view"
    VERSION_VIEW = "version.view"
    TEMPLATE_VIEW = "template.view"
    MEMBER_VIEW = "member.view"
    FILE_VIEW = "file.view"
    CREDENTIAL_VIEW = "credential.view"
    PLUGIN_VIEW = "plugin.view"
    WORKSPACE_VIEW = "workspace.view"
    COMMENT_WRITE = "comment.write"
    FLOW_EDIT = "flow.edit"
    VERSION_COMMIT = "version.commit"
    RUN_START = "run.start"
    RUN_CONTROL = "run.control"
    TEMPLATE_INSTALL = "template.install"
    FILE_WRITE = "file.write"
    CREDENTIAL_USE = "credential.use"
    VERSION_PUBLISH = "version.publish"
    CREDENTIAL_MANAGE = "credential.manage"
    PLUGIN_MANAGE = "plugin.manage"
    TEMPLATE_PUBLISH = "template.publish"
    MEMBER_MANAGE = "member.manage"
    WORKSPACE_MANAGE = "workspace.manage"
    AUDIT_VIEW = "audit.view"
    FLOW_SHARE = "flow.share"
