"""Services, each described in a file of its own (``plugins.declared``)."""

from __future__ import annotations

from importlib.resources import files

from sage_studio.plugins.declared import Service, read_service, service_node
from sage_studio.sdk import Node

_NAMES = (
    "slack", "telegram", "discord", "feishu", "dingtalk", "wecom", "gmail", "google_calendar", "google_drive",
    "google_sheets", "notion", "airtable", "github", "gitlab", "jira", "hubspot",
)  # fmt: skip


def read(name: str) -> Service:
    """The description of one of the services."""
    return read_service(files(__package__).joinpath(f"{name}.yaml").read_bytes())


SERVICE_NODES: tuple[type[Node], ...] = tuple(service_node(read(name)) for name in _NAMES)
