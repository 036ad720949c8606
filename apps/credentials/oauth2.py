"""OAuth 2 as a client: what is asked of an authorization server, and what it answers (RFC 6749, 7636).

The protocol is ``oauthlib``'s; every request goes through the guarded client and follows no redirect. Which
addresses are asked follows from the credential's kind, or from its fields where the kind leaves them open.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

from django.conf import settings
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error, WebApplicationClient

from apps.credentials.errors import NOT_CONNECTED, TOKEN_REFUSED
from sage_studio.egress import GuardedClient
from sage_studio.kernel import SageError
from sage_studio.plugins.credential_kinds.placing import OpenedCredential

TIMEOUT_S = 20.0
# Services that say more mean for ever, and no date is that far away.
LONGEST_S = 10 * 365 * 86_400.0
# A token is renewed when it has less than this to live.
MARGIN_S = 60
# Words of a token's answer that are kept, beside the person's own fields.
TOKEN_FIELDS = ("access_token", "refresh_token", "expires_at", "token_scope")


@dataclass(frozen=True, slots=True, repr=False)
class _App:
    """The client that was registered at the service."""

    name: str
    client_id: str
    client_secret: str
    authorize_url: str
    token_url: str
    scopes: str
    client_auth: str
    body: str
    grant: str
    audience: str


def _app(opened: OpenedCredential) -> _App:
    service, fields = opened.kind.oauth2, opened.fields
    assert service is not None, "only credentials of such a kind come here"
    return _App(
        name=opened.name,
        client_id=fields.get("client_id", ""),
        client_secret=fields.get("client_secret", ""),
        authorize_url=service.authorize_url or fields.get("authorize_url", ""),
        token_url=service.token_url or fields.get("token_url", ""),
        scopes=fields.get("scopes", ""),
        client_auth=fields.get("client_auth") or service.client_auth,
        body=service.body,
        grant=fields.get("grant") or "authorization_code",
        audience=fields.get("audience", ""),
    )


def redirect_address() -> str:
    """Where services send people back to; the address that apps are registered with."""
    return f"{settings.CONFIG.address}/api/v1/oauth2/callback"


def wants_person(opened: OpenedCredential) -> bool:
    """Whether somebody has to sign in at the service, rather than the app by itself."""
    return _app(opened).grant == "authorization_code"


def authorization_url(opened: OpenedCredential, *, redirect_uri: str, state: str) -> tuple[str, str]:
    """Where the person is sent, and the verifier (PKCE, S256) that the code will be exchanged with. Raises
    SageError ``credential.not_connected`` when the credential says no address."""
    app, service = _app(opened), opened.kind.oauth2
    assert service is not None, "only credentials of such a kind come here"
    if not app.authorize_url:
        raise SageError(NOT_CONNECTED, {"name": app.name})
    client = WebApplicationClient(app.client_id)
    verifier = client.create_code_verifier(64)
    more = dict(service.authorize_params)
    if app.audience:
        more["audience"] = app.audience
    url = client.prepare_request_uri(
        app.authorize_url,
        redirect_uri=redirect_uri,
        scope=app.scopes.split() or None,
        state=state,
        code_challenge=client.create_code_challenge(verifier, "S256"),
        code_challenge_method="S256",
        **more,
    )
    return str(url), str(verifier)


async def exchange_code(
    client: GuardedClient, opened: OpenedCredential, *, code: str, verifier: str, redirect_uri: str
) -> dict[str, str]:
    """The tokens for a code. Raises SageError ``credential.token_refused`` and ``http.*``."""
    app = _app(opened)
    body = WebApplicationClient(app.client_id).prepare_request_body(
        code=code, redirect_uri=redirect_uri, code_verifier=verifier, include_client_id=True
    )
    return await _ask(client, app, body, opened.fields)


async def renewed(client: GuardedClient, opened: OpenedCredential) -> dict[str, str]:
    """New tokens: by the refresh token, or by the app's own right. Raises SageError
    ``credential.not_connected``, ``credential.token_refused`` and ``http.*``."""
    app, fields = _app(opened), opened.fields
    if app.grant == "client_credentials":
        more = {"audience": app.audience} if app.audience else {}
        backend = BackendApplicationClient(app.client_id)
        body = backend.prepare_request_body(scope=app.scopes.split() or None, include_client_id=True, **more)
    elif fields.get("refresh_token"):
        body = WebApplicationClient(app.client_id).prepare_refresh_body(
            refresh_token=fields["refresh_token"], client_id=app.client_id
        )
    else:
        raise SageError(NOT_CONNECTED, {"name": app.name})
    return await _ask(client, app, body, fields)


def is_stale(fields: Mapping[str, str], *, now: float | None = None) -> bool:
    """Whether a token is missing, or about to run out."""
    if not fields.get("access_token"):
        return True
    ends = fields.get("expires_at", "")
    return bool(ends) and float(ends) - MARGIN_S <= (time.time() if now is None else now)


async def _ask(client: GuardedClient, app: _App, body: str, fields: Mapping[str, str]) -> dict[str, str]:
    words = dict(parse_qsl(body, keep_blank_values=True))
    headers = {"Accept": "application/json"}
    if app.client_secret and app.client_auth == "basic":
        pair = f"{quote(app.client_id, safe='')}:{quote(app.client_secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    elif app.client_secret:
        words["client_secret"] = app.client_secret
    content, headers["Content-Type"] = _encoded(words, app.body)
    answer = await client.request(
        "POST", app.token_url, headers=headers, content=content, timeout_s=TIMEOUT_S, max_bytes=1 << 20,
        follow=False,
    )  # fmt: skip
    return _tokens(app, answer.text(), answer.status, fields)


def _encoded(words: Mapping[str, str], how: str) -> tuple[bytes, str]:
    if how == "json":
        return json.dumps(dict(words)).encode(), "application/json"
    form = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in words.items())
    return form.encode(), "application/x-www-form-urlencoded"


def _tokens(app: _App, said: str, status: int, before: Mapping[str, str]) -> dict[str, str]:
    """What is kept of an answer; a refresh token that is not given anew stays."""
    try:
        shape = WebApplicationClient(app.client_id).parse_request_body_response(said)
    except OAuth2Error as error:
        reason = f"{error.error or status}: {error.description or ''}".strip(": ")[:300]
        raise SageError(TOKEN_REFUSED, {"name": app.name, "reason": reason}) from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        reason = f"its answer ({status}) cannot be read"
        raise SageError(TOKEN_REFUSED, {"name": app.name, "reason": reason}) from error
    lasts = shape.get("expires_in")
    return {
        "access_token": str(shape["access_token"]),
        "refresh_token": str(shape.get("refresh_token") or before.get("refresh_token", "")),
        "expires_at": str(time.time() + min(max(float(lasts), 0.0), LONGEST_S)) if lasts else "",
        "token_scope": " ".join(shape.get("scope") or ()) if not isinstance(shape.get("scope"), str) else "",
    }
