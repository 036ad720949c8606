"""Variables and secrets of a workspace, by environment."""

from __future__ import annotations

import json
import uuid

from apps.accounts.models import Person
from apps.audit.services import record
from apps.common.db import as_id, fetch_one, write_transaction
from apps.common.errors import NotFound
from apps.credentials import sealing
from apps.credentials.errors import TOO_MANY_VARIABLES, UNREADABLE, VARIABLE_TAKEN
from apps.credentials.models import Variable
from apps.credentials.types import Variables
from apps.workspaces import policies
from apps.workspaces.models import Workspace
from apps.workspaces.types import Action
from sage_studio.kernel import Json, JsonObject, SageError

MAX_VARIABLES = 500
# Each claim of a run asks this, and most workspaces have none.
_HAS_VARIABLES = "SELECT 1 FROM credentials_variable WHERE workspace_id = %s LIMIT 1"


def variable_create(
    person: Person,
    workspace: Workspace,
    *,
    name: str,
    environment: str,
    is_secret: bool,
    value: Json,
    description: str = "",
) -> Variable:
    """Raises SageError ``variable.taken`` and ``variable.too_many``."""
    with write_transaction():
        _require(person, workspace, is_secret=is_secret)
        held = Variable.objects.filter(workspace=workspace)
        if held.filter(name=name, environment=environment).exists():
            raise SageError(VARIABLE_TAKEN, {"name": name}, path="name")
        if held.count() >= MAX_VARIABLES:
            raise SageError(TOO_MANY_VARIABLES, {"limit": MAX_VARIABLES})
        variable = Variable(
            workspace=workspace,
            name=name,
            environment=environment,
            is_secret=is_secret,
            description=description,
        )
        _fill(variable, value, person)
        variable.save(force_insert=True)
        target = ("variable", variable.pk)
        record(person, "variable.created", workspace.pk, target, after=_facts(variable))
    return variable


def variable_update(
    person: Person,
    workspace: Workspace,
    variable_id: uuid.UUID,
    *,
    value: Json = None,
    has_value: bool = False,
    description: str | None = None,
) -> Variable:
    """Change the value, when there is one, and the description. Raises NotFound."""
    with write_transaction():
        variable = Variable.objects.select_for_update().filter(workspace=workspace, pk=variable_id).first()
        policies.require(person, workspace.pk, Action.FLOW_EDIT)
        if variable is None:
            raise NotFound
        _require(person, workspace, is_secret=variable.is_secret)
        before = _facts(variable)
        if has_value:
            _fill(variable, value, person)
        if description is not None:
            variable.description = description
        variable.save()
        after = {**_facts(variable), "value_changed": has_value}
        target = ("variable", variable.pk)
        record(person, "variable.changed", workspace.pk, target, before=before, after=after)
    return variable


def variable_delete(person: Person, workspace: Workspace, variable_id: uuid.UUID) -> None:
    """Raises NotFound."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.FLOW_EDIT)
        variable = Variable.objects.filter(workspace=workspace, pk=variable_id).first()
        if variable is None:
            raise NotFound
        _require(person, workspace, is_secret=variable.is_secret)
        target = ("variable", variable.pk)
        record(person, "variable.deleted", workspace.pk, target, before=_facts(variable))
        variable.delete()


def variables_for_run(workspace_id: uuid.UUID, environment: str) -> Variables:
    """The values runs read as ``vars``, and which texts among them are secret. What is set for the
    environment wins over what is set for all. Raises SageError ``credential.unreadable``."""
    if fetch_one(_HAS_VARIABLES, [as_id(workspace_id)]) is None:
        return {}, []
    rows = Variable.objects.filter(workspace_id=workspace_id, environment__in=("", environment))
    values: dict[str, Json] = {}
    secrets: list[str] = []
    for variable in sorted(rows, key=lambda row: row.environment):
        value = _opened(variable) if variable.is_secret else variable.value
        values[variable.name] = value
        if variable.is_secret:
            secrets.append(str(value))
    return values, secrets


def _require(person: Person, workspace: Workspace, *, is_secret: bool) -> None:
    """Editors keep variables; secrets are the owners', as credentials are."""
    action = Action.CREDENTIAL_MANAGE if is_secret else Action.FLOW_EDIT
    policies.require(person, workspace.pk, action)


def place_of_variable(variable: Variable) -> str:
    return f"{variable.workspace_id}/variable/{variable.pk}"


def _fill(variable: Variable, value: Json, person: Person) -> None:
    variable.edited_by = person
    if not variable.is_secret:
        variable.value = value
        return
    box = sealing.seal({"value": str(value)}, place_of_variable(variable))
    variable.key_id, variable.wrapped_key, variable.ciphertext = box.key_id, box.wrapped_key, box.ciphertext


def _opened(variable: Variable) -> str:
    box = sealing.Box(variable.key_id, bytes(variable.wrapped_key), bytes(variable.ciphertext))
    try:
        return sealing.unseal(box, place_of_variable(variable))["value"]
    except sealing.CannotOpen as error:
        raise SageError(UNREADABLE, {"name": variable.name}) from error


def _facts(variable: Variable) -> JsonObject:
    """What the trail says: the value of what is no secret, cut short."""
    facts: JsonObject = {
        "name": variable.name,
        "environment": variable.environment,
        "is_secret": variable.is_secret,
        "description": variable.description,
    }
    if not variable.is_secret:
        facts["value"] = json.dumps(variable.value, ensure_ascii=False)[:500]
    return facts
