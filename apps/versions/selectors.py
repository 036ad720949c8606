"""Reading versions and comparing them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db.models import QuerySet

from apps.catalogue.selectors import registry
from apps.collaboration.selectors import definition_current
from apps.common.errors import NotFound
from apps.flows.models import Definition, Flow
from apps.versions.models import Publication, Version
from sage_studio.flow import SCHEMA, Change, FlowDocument, Patch, changes, diff, parse_plain


@dataclass(frozen=True, slots=True)
class Comparison:
    """What would have to change to turn ``before`` into ``after``."""

    before: str
    after: str
    changes: list[Change]


def version_list(flow: Flow) -> QuerySet[Version]:
    """Versions of a flow with author, parent and hashes; page them by ``number``."""
    return Version.objects.filter(flow=flow).select_related("author", "parent", "definition")


def version_get(flow: Flow, number: int) -> Version:
    """One version of a flow. Raises NotFound."""
    found = version_list(flow).filter(number=number).first()
    if found is None:
        raise NotFound
    return found


def version_latest(flow: Flow) -> Version | None:
    """The newest version, or None before the first commit."""
    return version_list(flow).order_by("-number").first()


def published_number(flow: Flow) -> int | None:
    """The number of the published version, or None."""
    return Publication.objects.filter(flow=flow).values_list("version__number", flat=True).first()


def version_compare(flow: Flow, number: int, against: str) -> Comparison:
    """Changes from ``against`` (``draft``, a number, or ``parent``) to version ``number``.

    For ``draft`` the direction is turned round: from the version to the draft, because people ask
    what has changed *since*. Raises NotFound for a version that does not exist.
    """
    version = version_get(flow, number)
    if against == "draft":
        return _compare(f"v{number}", version.definition, "draft", definition_current(flow))
    if against == "parent":
        other = version.parent
        name, before = ("", None) if other is None else (f"v{other.number}", other.definition)
        return _compare(name, before, f"v{number}", version.definition)
    if not (against.isascii() and against.isdigit() and len(against) < 9):
        raise NotFound
    other = version_get(flow, int(against))
    return _compare(f"v{other.number}", other.definition, f"v{number}", version.definition)


def difference(workspace_id: uuid.UUID, before: FlowDocument, after: FlowDocument) -> Patch:
    """The patch from one state to another, with shared texts compared character by character."""
    types = registry(workspace_id)

    def shared(node_type: str, name: str) -> bool:
        spec = types.spec(node_type)
        field = spec.field(name) if spec else None
        return field is not None and field.shared_text

    return diff(before, after, shared_text=shared)


def _compare(before_name: str, before: Definition | None, after_name: str, after: Definition) -> Comparison:
    old = parse_plain({"schema": SCHEMA} if before is None else before.body)
    patch = difference(after.workspace_id, old, parse_plain(after.body))
    return Comparison(before_name, after_name, changes(patch))


def version_definition(flow: Flow, number: int) -> Definition:
    """The definition a version froze; what a run of that version executes. Raises NotFound."""
    return version_get(flow, number).definition
