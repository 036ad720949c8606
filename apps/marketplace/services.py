"""Publishing a flow as a template, installing one, taking one back."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F

from apps.accounts.models import Person
from apps.audit.services import record
from apps.catalogue.selectors import registry
from apps.collaboration.selectors import definition_current
from apps.collaboration.services import activity_add
from apps.common.db import write_transaction
from apps.common.errors import NotFound
from apps.flows.models import Flow
from apps.flows.services import flow_create
from apps.marketplace.content import credentials_used, strip_for_sharing
from apps.marketplace.models import Template
from apps.marketplace.selectors import template_get
from apps.versions.selectors import version_get
from apps.workspaces.models import Workspace
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.flow import parse_plain, semantic_hash
from sage_studio.kernel import JsonObject


def template_publish(
    *, person: Person, flow: Flow, name: str, summary: str, category: str, version: int | None = None
) -> Template:
    """Publish a version of a flow (or its draft) for everyone on the instance.

    Raises Forbidden and, for an unknown version, NotFound.
    """
    require(person, flow.workspace_id, Action.TEMPLATE_PUBLISH)
    definition = definition_current(flow) if version is None else version_get(flow, version).definition
    document = parse_plain(definition.body)
    types = registry(flow.workspace_id)
    body = strip_for_sharing(document, types)
    with write_transaction():
        template = Template.objects.create(
            workspace_id=flow.workspace_id,
            author=person,
            name=name,
            summary=summary,
            category=category,
            flow_id=flow.pk,
            version_number=version,
            body=body,
            credentials=credentials_used(document, types),
            semantic_hash=semantic_hash(parse_plain(body)),
        )
        record(person, "template.publish", flow.workspace_id, ("template", template.pk), after={"name": name})
    return template


def template_install(*, person: Person, workspace: Workspace, template_id: UUID, name: str = "") -> Flow:
    """Make a new flow from a template. Nothing runs and nothing is fetched."""
    require(person, workspace.pk, Action.TEMPLATE_INSTALL)
    template = template_get(template_id)
    with write_transaction():
        flow = flow_create(
            person=person, workspace=workspace, name=name or template.name, definition=template.body
        )
        Template.objects.filter(pk=template.pk).update(uses=F("uses") + 1)
        facts: JsonObject = {"template": template.name}
        activity_add(person=person, flow=flow, kind="template_installed", facts=facts)
        record(
            person,
            "template.install",
            workspace.pk,
            ("template", template.pk),
            after={"flow_id": str(flow.pk), "hash": template.semantic_hash},
        )
    return flow


def template_withdraw(*, person: Person, workspace: Workspace, template_id: UUID) -> None:
    """Take a template of this workspace out of the gallery; installed copies stay."""
    require(person, workspace.pk, Action.TEMPLATE_PUBLISH)
    template = Template.objects.filter(pk=template_id, workspace=workspace).first()
    if template is None:
        raise NotFound
    with write_transaction():
        record(
            person,
            "template.withdraw",
            workspace.pk,
            ("template", template.pk),
            before={"name": template.name},
        )
        template.delete()
