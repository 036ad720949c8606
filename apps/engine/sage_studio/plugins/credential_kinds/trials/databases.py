"""Signing in at databases."""

from __future__ import annotations

from typing import cast

from sage_studio.plugins.credential_kinds.trials.trial import TIMEOUT_S, Trial, Verdict, not_let_in, welcome
from sage_studio.plugins.support.redis import open_redis
from sage_studio.plugins.support.resp import RespError
from sage_studio.plugins.support.sql.mysql import MysqlSession
from sage_studio.plugins.support.sql.postgres import PostgresSession
from sage_studio.sdk import Context, NodeError, text


async def try_postgresql(trial: Trial) -> Verdict:
    session = await PostgresSession.open(
        cast(Context, trial), trial.place, read_only=True, timeout_s=TIMEOUT_S
    )
    await session.close()
    return welcome("PostgreSQL")


async def try_mysql(trial: Trial) -> Verdict:
    session = await MysqlSession.open(cast(Context, trial), trial.place, read_only=True, timeout_s=TIMEOUT_S)
    await session.close()
    return welcome("MySQL")


async def try_redis(trial: Trial) -> Verdict:
    """AUTH, SELECT and PING."""
    try:
        connection = await open_redis(cast(Context, trial), trial.place)
    except NodeError as error:
        return not_let_in(error)
    try:
        await connection.call("PING")
    except RespError as error:
        return Verdict(False, text(f"Redis refused: {error}", f"Redis 拒绝：{error}"))
    finally:
        connection.close()
    return welcome("Redis")


async def try_reach(trial: Trial) -> Verdict:
    """That every server named takes connections; nobody signs in."""
    for host in trial.opened.hosts:
        name, _, port = host.rpartition(":")
        _reader, writer = await trial.http.connect(
            name, int(port), tls=trial.fields.get("tls") == "on", credential=trial.opened.name or "new"
        )
        writer.close()
    return Verdict(
        True,
        text(
            "The servers take connections. Whether they accept the account shows when a flow uses it.",
            "服务器可以连接；账号是否有效将在流程使用时得知。",
        ),
    )
