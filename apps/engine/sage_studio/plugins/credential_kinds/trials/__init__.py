"""Trying credentials out for real, under the guards and limits of any other request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from sage_studio.egress import GuardedClient
from sage_studio.plugins.credential_kinds.placing import OpenedCredential
from sage_studio.plugins.credential_kinds.trials.databases import (
    try_mysql,
    try_postgresql,
    try_reach,
    try_redis,
)
from sage_studio.plugins.credential_kinds.trials.mail import try_smtp
from sage_studio.plugins.credential_kinds.trials.queues import try_mqtt, try_rabbitmq
from sage_studio.plugins.credential_kinds.trials.storage import try_s3
from sage_studio.plugins.credential_kinds.trials.trial import Trial, Verdict
from sage_studio.plugins.credential_kinds.trials.web import try_request
from sage_studio.sdk import HttpTest, text

_TRIALS: Mapping[str, Callable[[Trial], Awaitable[Verdict]]] = {
    "postgresql": try_postgresql,
    "mysql": try_mysql,
    "mongodb": try_reach,
    "redis": try_redis,
    "rabbitmq": try_rabbitmq,
    "kafka": try_reach,
    "mqtt": try_mqtt,
    "smtp": try_smtp,
    "s3": try_s3,
}
_TOTAL_S = 25.0


async def try_credential(client: GuardedClient, opened: OpenedCredential, url: str = "") -> Verdict:
    """Use a credential once and say how it was taken. Raises SageError for what is refused or out of
    reach."""
    trial, test = Trial(client, opened, url), opened.kind.test
    async with asyncio.timeout(_TOTAL_S):
        try:
            if isinstance(test, HttpTest):
                return await try_request(trial, test)
            if test in _TRIALS:
                return await _TRIALS[str(test)](trial)
        except (OSError, EOFError) as error:
            reason = str(error)[:200] or type(error).__name__
            return Verdict(False, text(f"The connection failed: {reason}", f"连接失败：{reason}"))
    return Verdict(True, text("There is nothing to try out.", "该类型无需测试。"))


__all__ = ["Verdict", "try_credential"]
