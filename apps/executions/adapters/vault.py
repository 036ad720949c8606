"""The credentials of a run's workspace, for its nodes and for the client that sends in their name."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import partial

from apps.credentials import services as credentials
from apps.executions.adapters.calls import Call
from sage_studio.egress import GuardedClient, RequestSecret
from sage_studio.plugins.credential_kinds.placing import OpenedCredential, request_secret


class WorkspaceVault:
    """``seen`` is told every secret that is used; each use is recorded for the run. Tokens are renewed
    through ``client``."""

    def __init__(
        self,
        workspace_id: uuid.UUID,
        run_id: uuid.UUID,
        *,
        call: Call,
        client: GuardedClient,
        seen: set[str],
    ) -> None:
        self._workspace_id, self._run_id = workspace_id, run_id
        self._call, self._client, self._seen = call, client, seen

    async def credential(self, name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
        """The fields of a credential toward a host it allows. Raises SageError ``credential.*``."""
        work = partial(
            credentials.credential_fields,
            self._workspace_id,
            name,
            host=host,
            port=port,
            run_id=self._run_id,
        )
        return (await self._learnt(work)).fields

    async def request_secret(self, name: str, host: str, port: int | None) -> RequestSecret:
        """What a credential adds to a request toward a host. Raises SageError ``credential.*``."""
        work = partial(
            credentials.credential_for_host, self._workspace_id, name, host, port=port, run_id=self._run_id
        )
        return request_secret(await self._learnt(work))

    async def allow(self, name: str, host: str, port: int | None) -> None:
        """Raises SageError ``credential.*`` when a credential may not be used toward a host."""
        await self._call(partial(credentials.credential_allow, self._workspace_id, name, host, port))

    async def _learnt(self, work: Callable[[], OpenedCredential]) -> OpenedCredential:
        """Opened, with a token that holds, and remembered as something not to be seen."""
        opened = await credentials.token_fresh(self._call, self._client, await self._call(work))
        self._seen.update(opened.secrets)
        return opened
