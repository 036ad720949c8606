"""A small world for tests: a workspace with an owner, an editor and a viewer, and a stranger."""

from __future__ import annotations

from dataclasses import dataclass, field

from rest_framework.test import APIClient

from apps.accounts.models import Person
from apps.workspaces.models import Membership, Workspace
from apps.workspaces.types import Role

PASSWORD = "correct horse battery"


@dataclass
class Someone:
    """A person and an API client signed in as them."""

    person: Person
    client: APIClient


@dataclass
class World:
    """``workspace`` has owner, editor and viewer; ``stranger`` owns only ``elsewhere``."""

    workspace: Workspace
    elsewhere: Workspace
    owner: Someone
    editor: Someone
    viewer: Someone
    stranger: Someone
    admin: Someone
    anonymous: APIClient = field(default_factory=APIClient)

    @property
    def url(self) -> str:
        """The address of the workspace, without a slash at the end."""
        return f"/api/v1/workspaces/{self.workspace.pk}"

    def everyone(self) -> dict[str, APIClient]:
        """Clients by name, for tests over all roles."""
        people = ("owner", "editor", "viewer", "stranger", "admin")
        return {"anonymous": self.anonymous} | {name: getattr(self, name).client for name in people}


def someone(name: str, **fields: object) -> Someone:
    """A new person with a signed-in client."""
    person = Person.objects.create_user(f"{name}@example.org", PASSWORD, name=name.title(), **fields)
    client = APIClient()
    client.force_login(person)
    return Someone(person, client)


def make_world() -> World:
    """Build the world in the current database."""
    workspace = Workspace.objects.create(name="Team")
    elsewhere = Workspace.objects.create(name="Elsewhere")
    people = {name: someone(name) for name in ("owner", "editor", "viewer", "stranger")}
    for role in Role:
        Membership.objects.create(workspace=workspace, person=people[role.value].person, role=role.value)
    Membership.objects.create(workspace=elsewhere, person=people["stranger"].person, role=Role.OWNER.value)
    return World(
        workspace,
        elsewhere,
        owner=people["owner"],
        editor=people["editor"],
        viewer=people["viewer"],
        stranger=people["stranger"],
        admin=someone("admin", is_admin=True),
    )
