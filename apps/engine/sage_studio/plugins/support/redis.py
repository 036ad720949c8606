"""Connections to Redis or Valkey that are signed in."""

from __future__ import annotations

from sage_studio.plugins.support.places import LOGIN_REFUSED, Place, open_stream
from sage_studio.plugins.support.resp import RespConnection, RespError
from sage_studio.sdk import Context


async def open_redis(ctx: Context, place: Place) -> RespConnection:
    """Raises NodeError ``server.*`` and ``redis.lost``, and SageError ``http.*``."""
    connection = RespConnection(*await open_stream(ctx, place, "Redis"))
    try:
        if place.password:
            await connection.call("AUTH", *([place.user] if place.user else []), place.password)
        if database := int(place.more.get("database") or 0):
            await connection.call("SELECT", database)
    except RespError as error:
        connection.close()
        raise place.error(LOGIN_REFUSED, error) from error
    except BaseException:
        connection.close()
        raise
    return connection
