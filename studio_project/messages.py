"""Bounds WebSocket messages by direction.

Daphne knows one limit and holds it against what the server sends as well: a document that has
grown beyond it would never open again. Here it is for what clients send only; what we send is
bounded where it is made.
"""

from __future__ import annotations

from daphne import ws_protocol


def bound_client_messages_only() -> None:
    """Lift Daphne's message limit for our own messages. Call before it starts to listen."""

    class OneWayLimit(ws_protocol.WebSocketProtocol):
        """Without a limit while it sends, which happens in one step."""

        maxMessagePayloadSize: int  # noqa: N815 - Autobahn's name

        def serverSend(self, content: str | bytes, binary: bool = False) -> None:  # noqa: N802 - Daphne's name
            limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
            try:
                super().serverSend(content, binary)
            finally:
                self.maxMessagePayloadSize = limit

    ws_protocol.WebSocketFactory.protocol = OneWayLimit
