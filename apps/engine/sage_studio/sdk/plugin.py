"""What a plug-in says of itself: who made it, what it needs, and what it wants to be allowed.

An author writes a ``PluginSpec`` and names it in the package's entry point of the group
``sage_studio.plugins``; folders and YAML files say the same in JSON and YAML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import Field as PydanticField

from sage_studio.flow.spec import Shape
from sage_studio.kernel.errors import Text
from sage_studio.sdk.credentials import CredentialKind

if TYPE_CHECKING:
    from sage_studio.sdk.face import NodePlugin
    from sage_studio.sdk.node import Node

ENTRY_POINTS = "sage_studio.plugins"
PLUGIN_ID = r"^[a-z][a-z0-9_]{1,62}$"
FileUse = Literal["none", "read", "write"]


class Requires(Shape):
    """What must be there before a plug-in works.

    ``python`` holds requirements as pip writes them (``pillow>=11``), ``plugins`` other plug-ins with the
    versions that will do (``{"acme_base": ">=1.2"}``), ``product`` the versions of SAGE Studio
    (``>=0.1,<2``).
    """

    python: tuple[str, ...] = ()
    plugins: dict[str, str] = PydanticField(default_factory=dict)
    product: str = ""


class Permissions(Shape):
    """What a plug-in may reach; people see it and agree before it is installed.

    ``hosts`` are the names its requests go to (``api.example.org``, ``*.example.org``, ``*`` for any);
    ``files`` whether it reads or also writes files of the workspace; ``secrets`` the kinds of credentials
    whose values it may ask for itself (``*`` for any; a credential that is only put on its requests needs
    no mention); ``code`` whether it brings Python code of its own.
    """

    hosts: tuple[str, ...] = ()
    files: FileUse = "none"
    secrets: tuple[str, ...] = ()
    code: bool = False

    def allows_host(self, host: str) -> bool:
        """Whether requests may go to a host, by its name."""
        name = host.lower().rstrip(".")
        return any(_covers(pattern.lower(), name) for pattern in self.hosts)

    def allows_secret(self, kind: str) -> bool:
        return "*" in self.secrets or kind in self.secrets


def _covers(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return name.endswith(pattern[1:]) and name != pattern[2:]
    return pattern in ("*", name)


@dataclass(frozen=True)
class PluginSpec:
    """A plug-in as its author writes it. What is left out is taken from the package's own description."""

    id: str = ""
    version: str = ""
    name: Text | str = ""
    description: Text | str = ""
    author: str = ""
    homepage: str = ""
    icon: str = "plug"
    requires: Requires = field(default_factory=Requires)
    permissions: Permissions = field(default_factory=Permissions)
    nodes: Sequence[type[Node | NodePlugin]] = ()
    credential_kinds: Sequence[CredentialKind] = ()


class PluginHead(Shape):
    """The part of a manifest that JSON and YAML files write in the same words."""

    id: str = PydanticField(pattern=PLUGIN_ID)
    version: str = PydanticField(default="1.0.0", pattern=r"^\d+(\.\d+){0,3}([a-z0-9.+-]*)$")
    name: Text
    description: Text = Text(en="", zh="")
    author: str = ""
    homepage: str = ""
    icon: str = "plug"
    requires: Requires = Requires()
    permissions: Permissions = Permissions()
    credential_kinds: tuple[CredentialKind, ...] = ()
