"""Connections to RabbitMQ by aiormq, over streams of the guarded client."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.places import (
    LOGIN_REFUSED,
    LOST,
    WRONG_PROTOCOL,
    Place,
    open_stream,
    within,
)
from sage_studio.sdk import Context, NodeError

CONNECT_S = 15.0
STANDARD_ACCOUNT = "guest"


async def open_amqp(ctx: Context, place: Place) -> Any:
    """A connection that is signed in. Raises NodeError ``server.*`` and SageError ``http.*``."""
    amqp = library("aiormq", "queues")
    vhost = quote(place.more.get("vhost") or "/", safe="")
    user, password = place.user or STANDARD_ACCOUNT, place.password or STANDARD_ACCOUNT
    account = f"{quote(user, safe='')}:{quote(password, safe='')}"
    streams = await open_stream(ctx, place, "AMQP")

    class Guarded(amqp.TransportFactory):  # type: ignore[misc, name-defined]
        async def create(self, url: Any, **_kwargs: Any) -> Any:
            return streams

    try:
        async with within(place, CONNECT_S):
            return await amqp.connect(
                f"amqp://{account}@{place.host}:{place.port}/{vhost}", transport_factory=Guarded()
            )
    except (amqp.exceptions.AMQPError, OSError, EOFError, ValueError) as error:
        streams[1].close()
        raise _refused(place, amqp.exceptions, error) from error
    except BaseException:
        streams[1].close()
        raise


def _refused(place: Place, errors: Any, error: Exception) -> NodeError:
    said = str(error) or type(error).__name__
    if "Connection.OpenOk" in said:
        return place.error(
            LOGIN_REFUSED, f"the virtual host “{place.more.get('vhost')}” is closed or not there"
        )
    if (
        isinstance(error, (errors.AuthenticationError, errors.ProbableAuthenticationError))
        or "ACCESS_REFUSED" in said
    ):
        return place.error(LOGIN_REFUSED, said)
    if isinstance(error, errors.ConnectionClosed) or "NOT_ALLOWED" in said:
        return place.error(LOGIN_REFUSED, said)
    if isinstance(error, (errors.IncompatibleProtocolError, ValueError, EOFError)):
        return place.error(WRONG_PROTOCOL, said, protocol="AMQP 0-9-1")
    if isinstance(error, errors.AMQPConnectionError):
        return place.error(WRONG_PROTOCOL, said, protocol="AMQP 0-9-1")
    return place.error(LOST, said)
