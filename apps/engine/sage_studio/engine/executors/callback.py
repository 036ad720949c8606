"""The door at which processes on other machines report: they dial the run's process.

Each call has a token of its own, good for one connection, shown in the first message; the connection
is encrypted with a certificate made when the door opens, and the caller trusts that one only. So a
node's inputs and secrets cross a network that need not be trusted, and nobody else can pose as a node.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sage_studio.engine.executors.frames import PROTOCOL
from sage_studio.engine.executors.home import HELLO
from sage_studio.engine.executors.sockets import SocketLink
from sage_studio.kernel import SageError

_GREETING_TIMEOUT_S = 10.0
# Whoever has not shown a token yet fills no memory.
_MAX_GREETING_BYTES = 4096
_CERTIFICATE_DAYS = 365
Why = Callable[[], Awaitable[Exception]]


class CallbackDoor:
    """Listens from ``open`` to ``close``; on one event loop."""

    def __init__(self, host: str, port: int = 0) -> None:
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._expected: dict[bytes, tuple[asyncio.Future[SocketLink], Why]] = {}
        self.authority = ""

    @property
    def port(self) -> int:
        assert self._server is not None, "the door is open"
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self) -> None:
        secure, self.authority = await asyncio.to_thread(_make_certificate)
        self._server = await asyncio.start_server(self._greet, self._host, self._port, ssl=secure)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def expect(self, why: Why) -> tuple[str, asyncio.Future[SocketLink]]:
        """A new token, and the connection of whoever shows it; ``why`` tells later why it broke."""
        token = secrets.token_urlsafe(32)
        arrival: asyncio.Future[SocketLink] = asyncio.get_running_loop().create_future()
        self._expected[_digest(token)] = (arrival, why)
        return token, arrival

    def forget(self, token: str) -> None:
        """Nobody is expected under this token any more."""
        self._expected.pop(_digest(token), None)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        token = ""
        try:
            async with asyncio.timeout(_GREETING_TIMEOUT_S):
                greeting = await SocketLink(reader, writer, _nobody).receive(_MAX_GREETING_BYTES)
            if greeting is not None and greeting.method == HELLO:
                hello = greeting.body.plain
                token = str(hello["token"]) if hello["protocol"] == PROTOCOL else ""
        except (TimeoutError, SageError, KeyError, TypeError):
            token = ""
        arrival, why = self._expected.pop(_digest(token), (None, _nobody))
        if arrival is None or arrival.done():
            writer.close()
        else:
            arrival.set_result(SocketLink(reader, writer, why))


async def _nobody() -> Exception:
    return ConnectionError("nobody is there")


def _digest(token: str) -> bytes:
    """Tokens are looked up by digest: comparing them takes no time that depends on the token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def _make_certificate() -> tuple[ssl.SSLContext, str]:
    """A context with a fresh key, and its certificate as text for those who shall trust it."""
    from cryptography import x509  # noqa: PLC0415 - only the extra for clusters brings it
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sage-studio-run")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.minimum_version = ssl.TLSVersion.TLSv1_3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "door.pem"
        path.touch(mode=0o600)
        path.write_bytes(private + text)
        secure.load_cert_chain(path)
    return secure, text.decode()
