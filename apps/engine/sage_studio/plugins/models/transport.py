"""How the SDKs reach their services: through the guarded client, with only the headers we mean.

The SDKs read keys, organisations and extra headers out of the process's environment. What leaves is
decided here instead: a request carries our key or none, and nothing that is not on the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import httpx2

from sage_studio.egress import EgressPolicy, GuardedClient
from sage_studio.egress.httpx2_transport import GuardedTransport

MAX_ANSWER_BYTES = 64 << 20
# A long answer that is not read as it is written begins only when it is done.
_BEGINS_WITHIN_S = 900.0
_SILENT_FOR_S = 300.0
_SENT = frozenset(
    {
        "host", "accept", "content-type", "content-length", "user-agent", "anthropic-version",
        "anthropic-beta", "idempotency-key",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """A service and what may be sent to it; ``headers`` hold the key. ``is_own`` is the operator's, which is
    reached wherever it lies."""

    address: str
    policy: EgressPolicy
    is_own: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


class _OnlyOurHeaders(httpx2.AsyncBaseTransport):
    def __init__(self, inner: httpx2.AsyncBaseTransport, headers: Mapping[str, str]) -> None:
        self._inner = inner
        self._headers = headers

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() in _SENT}
        # A request of its own: the SDKs look at the headers of theirs again when the answer is there.
        sent = httpx2.Request(
            request.method,
            request.url,
            headers={**headers, **self._headers},
            stream=request.stream,
            extensions=request.extensions,
        )
        return await self._inner.handle_async_request(sent)


def http_client(endpoint: Endpoint) -> httpx2.AsyncClient:
    """What an SDK is given for its requests to ``endpoint``. Close it after use."""
    policy = endpoint.policy
    if endpoint.is_own:
        policy = replace(policy, origins=policy.origins | {endpoint.address})
    guarded = GuardedTransport(
        GuardedClient(policy),
        timeout_s=_BEGINS_WITHIN_S,
        idle_s=_SILENT_FOR_S,
        max_bytes=MAX_ANSWER_BYTES,
    )
    return httpx2.AsyncClient(
        transport=_OnlyOurHeaders(guarded, endpoint.headers),
        trust_env=False,
        follow_redirects=False,
        timeout=None,  # the transport bounds silence, the caller the whole answer
    )
