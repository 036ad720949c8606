"""The world fixture stands."""

from apps.workspaces import policies
from apps.workspaces.types import Action
from tests.world import World


def test_roles_include_the_ones_below(world: World) -> None:
    assert policies.role_of(world.stranger.person, world.workspace.pk) is None
    assert policies.require(world.editor.person, world.workspace.pk, Action.FLOW_EDIT) == "editor"
