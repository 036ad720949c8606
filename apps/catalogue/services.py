"""Looking at packages, installing, updating, switching and removing plug-ins of a workspace."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from apps.accounts.models import Person
from apps.audit.services import record
from apps.catalogue import errors
from apps.catalogue.inspection import inspect_package, mcp_package
from apps.catalogue.models import CatalogueState, InstalledPlugin, Package, PluginRule
from apps.catalogue.rules import Refusals, is_pin, setting_rules
from apps.catalogue.selectors import (
    package_conflicts,
    package_get,
    packages_in_use,
    packages_installed,
    plugin_get,
)
from apps.catalogue.types import MAX_PLUGINS, MAX_VERSIONS, PackageKind, types_channel
from apps.catalogue.unpacking import folders_forget
from apps.common.bus import publish_on_commit
from apps.common.db import write_transaction
from apps.common.errors import NotFound
from apps.files.services import blob_put
from apps.files.types import KEY_PREFIX, clean_name
from apps.workspaces import policies
from apps.workspaces.models import Workspace
from apps.workspaces.types import Action
from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.manager import Plugin

# Packages somebody looked at and left are forgotten after this.
LOOKED_AT_FOR = timedelta(days=7)


def package_look(person: Person, workspace: Workspace, *, file_name: str, content: bytes) -> Package:
    """Find out what a package holds, and keep both; nothing of it can be used yet.

    The code of an archive runs confined while it is looked at. Raises Forbidden, SageError ``plugin.*``.
    """
    policies.require(person, workspace.pk, Action.PLUGIN_MANAGE)
    key = KEY_PREFIX + hashlib.sha256(content).hexdigest()
    known = Package.objects.filter(workspace=workspace, key=key).first()
    if known is not None:
        return known
    kind, plugin = inspect_package(key, content)
    blob_put(workspace.pk, content, "application/zip")
    _forget_left(workspace.pk)
    with write_transaction():
        package, _ = Package.objects.get_or_create(
            workspace=workspace,
            key=key,
            defaults={
                "kind": kind,
                "file_name": clean_name(file_name),
                "size_bytes": len(content),
                "plugin_id": plugin.id,
                "version": plugin.version,
                "manifest": plugin.to_json(),
                "created_by": person,
            },
        )
    return package


def mcp_server_look(person: Person, workspace: Workspace, *, described: Plugin, address: str) -> Package:
    """Keep what an MCP server says it has; its tools become nodes once somebody installs it.

    Raises Forbidden, SageError ``plugin.*``.
    """
    policies.require(person, workspace.pk, Action.PLUGIN_MANAGE)
    key, content, plugin = mcp_package(described)
    blob_put(workspace.pk, content, "application/json")
    with write_transaction():
        package, _ = Package.objects.get_or_create(
            workspace=workspace,
            key=key,
            defaults={
                "kind": PackageKind.MCP,
                "file_name": address[:200],
                "size_bytes": len(content),
                "plugin_id": plugin.id,
                "version": plugin.version,
                "manifest": plugin.to_json(),
                "created_by": person,
            },
        )
    return package


def _forget_left(workspace_id: uuid.UUID) -> None:
    left = Package.objects.filter(
        workspace_id=workspace_id, installed_by__isnull=True, created_at__lt=timezone.now() - LOOKED_AT_FOR
    )
    left.delete()


def plugin_install(
    person: Person, workspace: Workspace, package_id: uuid.UUID, *, permissions: JsonObject
) -> InstalledPlugin:
    """Take a package into use: a new plug-in, or a new version beside those there are.

    ``permissions`` are what the person was shown and consents to. Raises NotFound, Forbidden, SageError
    ``plugin.*``.
    """
    with write_transaction():
        policies.require(person, workspace.pk, Action.PLUGIN_MANAGE)
        _lock(workspace.pk)
        package = package_get(workspace.pk, package_id)
        if permissions != package.permissions:
            raise SageError(errors.CONSENT_CHANGED)
        _check(workspace.pk, package)
        package.installed_at, package.installed_by = timezone.now(), person
        package.save(update_fields=["installed_at", "installed_by", "updated_at"])
        plugin, is_new = InstalledPlugin.objects.update_or_create(
            workspace=workspace, plugin_id=package.plugin_id, defaults={"current": package}
        )
        what = "plugin.installed" if is_new else "plugin.updated"
        record(person, what, workspace.pk, ("plugin", plugin.plugin_id), after=_facts(package))
        _changed(workspace.pk)
    return plugin


def _check(workspace_id: uuid.UUID, package: Package) -> None:
    """Raises SageError when the package cannot be taken into use beside what is there."""
    refusal = Refusals().of(package.plugin_id, package.version, package.key)
    if refusal is not None:
        facts: JsonObject = {
            "plugin": package.plugin_id,
            "reason": refusal["en"],
            "reason_zh": refusal["zh"],
        }
        raise SageError(errors.NOT_ALLOWED_HERE, facts)
    others = InstalledPlugin.objects.filter(workspace_id=workspace_id).exclude(plugin_id=package.plugin_id)
    versions = packages_installed(workspace_id, package.plugin_id)
    if others.count() >= MAX_PLUGINS or len(versions) >= MAX_VERSIONS:
        raise SageError(errors.TOO_MANY, {"limit": MAX_PLUGINS, "versions": MAX_VERSIONS})
    if conflicts := package_conflicts(package):
        said = {
            language: "; ".join(conflict[language] for conflict in conflicts) for language in ("en", "zh")
        }
        raise SageError(errors.CONFLICTS, {"what": said["en"][:1000], "what_zh": said["zh"][:1000]})


def plugin_switch(person: Person, workspace: Workspace, plugin_id: str, *, is_enabled: bool) -> None:
    """Let a plug-in be used, or not for now. Runs that were accepted go on. Raises NotFound, Forbidden."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.PLUGIN_MANAGE)
        _lock(workspace.pk)
        plugin = plugin_get(workspace.pk, plugin_id)
        if plugin.is_enabled == is_enabled:
            return
        plugin.is_enabled = is_enabled
        plugin.save(update_fields=["is_enabled", "updated_at"])
        what = "plugin.enabled" if is_enabled else "plugin.disabled"
        record(person, what, workspace.pk, ("plugin", plugin_id), after=_facts(plugin.current))
        _changed(workspace.pk)


def plugin_remove(person: Person, workspace: Workspace, plugin_id: str) -> None:
    """Take a plug-in away with all its versions. Flows that use it keep their nodes as they are, and runs
    that were accepted go on. Raises NotFound, Forbidden."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.PLUGIN_MANAGE)
        _lock(workspace.pk)
        plugin = plugin_get(workspace.pk, plugin_id)
        facts = _facts(plugin.current)
        plugin.delete()
        Package.objects.filter(workspace=workspace, plugin_id=plugin_id).update(installed_at=None)
        record(person, "plugin.removed", workspace.pk, ("plugin", plugin_id), before=facts)
        _changed(workspace.pk)


def package_remove(person: Person, workspace: Workspace, plugin_id: str, package_id: uuid.UUID) -> None:
    """Take one version of a plug-in away; with the last one goes the plug-in. Raises NotFound, Forbidden."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.PLUGIN_MANAGE)
        _lock(workspace.pk)
        plugin = plugin_get(workspace.pk, plugin_id)
        installed = packages_installed(workspace.pk, plugin_id)
        package = next((one for one in installed if one.pk == package_id), None)
        if package is None:
            raise NotFound
        left = [one for one in installed if one.pk != package_id]
        if not left:
            plugin_remove(person, workspace, plugin_id)
            return
        plugin.current = left[0]
        plugin.save(update_fields=["current", "updated_at"])
        package.installed_at = None
        package.save(update_fields=["installed_at", "updated_at"])
        target = ("plugin", plugin_id)
        record(person, "plugin.version_removed", workspace.pk, target, before=_facts(package))
        _changed(workspace.pk)


def plugin_rule_set(
    person: Person, plugin_id: str, *, is_allowed: bool | None, pinned: str = "", note: str = ""
) -> None:
    """What the operator says of a plug-in on this instance; None: nothing. Every workspace that has it
    notices at its next look. The caller has checked that the person is an administrator. Raises SageError
    ``plugin.bad_pin``, ``plugin.rule_is_a_setting``."""
    plugin_rule_check(plugin_id, pinned)
    with write_transaction():
        known = PluginRule.objects.filter(plugin_id=plugin_id).first()
        before = None if known is None else _rule_facts(known)
        after = None
        if is_allowed is None:
            PluginRule.objects.filter(plugin_id=plugin_id).delete()
        else:
            facts = {"is_allowed": is_allowed, "pinned": pinned, "note": note}
            rule, _ = PluginRule.objects.update_or_create(plugin_id=plugin_id, defaults=facts)
            after = _rule_facts(rule)
        CatalogueState.objects.update(generation=F("generation") + 1)
        record(person, "plugin.rule_set", None, ("plugin", plugin_id), before=before, after=after)
        for workspace_id in CatalogueState.objects.values_list("pk", flat=True):
            publish_on_commit(types_channel(workspace_id), b"")


def plugin_rule_check(plugin_id: str, pinned: str) -> None:
    """Raises SageError ``plugin.bad_pin``, ``plugin.rule_is_a_setting``."""
    if pinned and not is_pin(pinned):
        raise SageError(errors.BAD_PIN, {"pin": pinned[:80]})
    if plugin_id in setting_rules():
        raise SageError(errors.RULE_IS_A_SETTING, {"plugin": plugin_id})


def _rule_facts(rule: PluginRule) -> JsonObject:
    return {"is_allowed": rule.is_allowed, "pinned": rule.pinned, "note": rule.note}


def plugin_folders_forget(pinned: Callable[[], set[str]]) -> int:
    """Remove this machine's unpacked packages that no workspace has installed, no run that goes on is pinned
    to and nobody asked for within a day; how many."""
    return folders_forget(lambda: packages_in_use() | pinned())


def _lock(workspace_id: uuid.UUID) -> None:
    """Changes of one workspace's plug-ins happen one after another."""
    Workspace.objects.select_for_update().only("pk").get(pk=workspace_id)


def _changed(workspace_id: uuid.UUID) -> None:
    CatalogueState.objects.get_or_create(workspace_id=workspace_id)
    CatalogueState.objects.filter(pk=workspace_id).update(generation=F("generation") + 1)
    publish_on_commit(types_channel(workspace_id), b"")


def _facts(package: Package) -> JsonObject:
    return {"version": package.version, "package": package.key, "permissions": package.permissions}
