"""Signing in at databases."""

from __future__ import annotations

from typing import cast

from sage_studio.plugins.credential_kinds.trials.trial import TIMEOUT_S, Trial, Verdict, welcome
from sage_studio.plugins.support.resp import RespConnection, RespError
from sage_studio.plugins.support.sql.mysql import MysqlSession
from sage_studio.plugins.support.sql.postgres import PostgresSession
from sage_studio.sdk import Context, text


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
    place = trial.place
    reader, writer = await trial.http.connect(
        place.host, place.port, tls=place.tls == "on", credential=place.credential
    )
    connection = RespConnection(reader, writer)
    try:
        if place.password:
            words = (place.user, place.password) if place.user else (place.password,)
            await connection.call("AUTH", *words)
        await connection.call("SELECT", int(trial.fields.get("database") or 0))
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
