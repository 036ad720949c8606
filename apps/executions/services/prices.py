"""Setting what models cost a workspace."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from apps.accounts.models import Person
from apps.common.db import write_transaction
from apps.common.errors import Invalid
from apps.executions.models import ModelPrice
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.sdk import Price

MOST_PRICES = 200


def prices_set(*, person: Person, workspace_id: uuid.UUID, prices: Sequence[Price]) -> None:
    """Make these the workspace's own prices. Raises Forbidden, or Invalid for too many of them or a model
    named twice."""
    if len(prices) > MOST_PRICES:
        raise Invalid("items", "max_length", f"A workspace has at most {MOST_PRICES} prices.")
    if len({price["model"] for price in prices}) != len(prices):
        raise Invalid("items", "twice", "Every model has one price.")
    with write_transaction():
        require(person, workspace_id, Action.WORKSPACE_MANAGE)
        ModelPrice.objects.filter(workspace_id=workspace_id).delete()
        ModelPrice.objects.bulk_create(ModelPrice(workspace_id=workspace_id, **price) for price in prices)
