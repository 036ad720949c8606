"""Asking an MCP server what it has, before anybody installs it: the one place of this app where sync meets
async."""

from __future__ import annotations

import re
import uuid
from urllib.parse import urlsplit

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings

from apps.catalogue.errors import BAD_PACKAGE
from apps.credentials import services as credentials
from sage_studio.egress import EgressPolicy, GuardedClient, RequestSecret
from sage_studio.kernel import SageError
from sage_studio.plugins.credential_kinds.placing import request_secret
from sage_studio.plugins.host_http import HostHttp
from sage_studio.plugins.manager import Plugin
from sage_studio.plugins.manager.manifest import McpPlace
from sage_studio.plugins.manager.mcp_plugins import HostReach, describe_mcp


class _Vault:
    """The workspace's credentials, for one question to one server."""

    def __init__(self, workspace_id: uuid.UUID) -> None:
        self._workspace_id = workspace_id

    async def request_secret(self, name: str, host: str, port: int | None) -> RequestSecret:
        found = await sync_to_async(credentials.credential_for_host)(
            self._workspace_id, name, host, port=port
        )
        return request_secret(found)

    async def allow(self, name: str, host: str, port: int | None) -> None:
        await sync_to_async(credentials.credential_allow)(self._workspace_id, name, host, port)


def mcp_describe(workspace_id: uuid.UUID, *, address: str, credential: str) -> Plugin:
    """The tools of a server as a plug-in's manifest. Only servers with an address: a program would run
    here. Raises SageError ``mcp.*``, ``http.*``, ``credential.*`` and ``plugin.*``."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        host = None
    if not address.startswith(("https://", "http://")) or not host:
        raise SageError(
            BAD_PACKAGE, {"reason": "it is no address of a server.", "reason_zh": "这不是服务器地址。"}
        )
    plugin_id = ("mcp_" + re.sub(r"[^a-z0-9]+", "_", host.lower()).strip("_"))[:60]
    client = GuardedClient(EgressPolicy(networks=tuple(settings.ALLOW_PRIVATE_NETWORK)))
    reach = HostReach(HostHttp(client, _Vault(workspace_id), ""))
    place = McpPlace(address=address)
    return async_to_sync(describe_mcp)(reach, place, plugin_id=plugin_id, name=host, credential=credential)
