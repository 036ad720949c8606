"""Servers that a node names by an address: how queues were given before credentials knew servers.

Flows of that time go on working; new ones choose a credential of the server's own kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from sage_studio.kernel import ErrorCode, Json
from sage_studio.plugins.support.places import Place, place_of
from sage_studio.plugins.support.secrets import secret_text
from sage_studio.sdk import Context, Field, NodeError, Settings, text

Ports = Mapping[str, int]


def address_fields(example: str) -> tuple[Field, ...]:
    """Where it was said before: address and user."""
    return (
        Field(
            name="address",
            label=text("Address (older flows)", "地址（旧流程）"),
            help=text(
                "Leave it empty: the credential says where the server is. If given, the credential holds "
                "the password only.",
                "请留空，由凭据指定服务器；若填写，凭据仅提供密码。",
            ),
            default="",
            max_length=2_000,
            expert=True,
            placeholder=text(example, example),
        ),
        Field(
            name="user",
            label=text("User (older flows)", "用户名（旧流程）"),
            default="",
            max_length=200,
            expert=True,
        ),
    )


def keeping_address(address: str, user: str = "") -> Callable[[dict[str, Json]], dict[str, Json]]:
    """For ``upgrades``: what was left out counted as these."""

    def upgraded(config: dict[str, Json]) -> dict[str, Json]:
        return {"address": address, "user": user, **config}

    return upgraded


async def place_named(
    ctx: Context,
    settings: Settings,
    ports: Ports,
    *,
    place_field: str,
    refusal: ErrorCode,
) -> Place:
    """The server of the credential or, in older flows, of the address; ``ports`` are those of its schemes,
    the plain one first. What stands behind the host is the ``place_field``. Raises NodeError."""
    given = settings.text("address").strip()
    if not given:
        return await place_of(ctx, settings, next(iter(ports.values())))
    address = urlsplit(given)
    try:
        port = address.port
    except ValueError:
        raise NodeError(refusal, {"address": given[:100]}, path="config.address") from None
    if address.scheme not in ports or not address.hostname or address.password:
        raise NodeError(refusal, {"address": address.hostname or given[:100]}, path="config.address")
    more: dict[str, Any] = {place_field: unquote(address.path.removeprefix("/"))}
    return Place(
        credential="",
        host=address.hostname,
        port=port or ports[address.scheme],
        user=settings.text("user"),
        password=await secret_text(ctx, settings.text("credential")),
        tls="on" if address.scheme != next(iter(ports)) else "off",
        ca=settings.text("ca"),
        more=more,
    )
