"""Reading the template gallery. Every signed-in person of the instance sees all templates."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from apps.common.errors import NotFound
from apps.marketplace.models import Template


def template_list(*, search: str = "", category: str = "") -> QuerySet[Template]:
    """Published templates, newest first; ``search`` looks in names and summaries."""
    found = Template.objects.select_related("author", "workspace")
    if search:
        found = found.filter(Q(name__icontains=search) | Q(summary__icontains=search))
    if category:
        found = found.filter(category=category)
    return found


def template_get(template_id: UUID) -> Template:
    """One template. Raises NotFound."""
    found = template_list().filter(pk=template_id).first()
    if found is None:
        raise NotFound
    return found
