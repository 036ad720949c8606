"""The shape of a service file; PLUGINS.md shows a whole one."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field as PydanticField

from sage_studio.flow.spec import Effect, Shape
from sage_studio.kernel import Text
from sage_studio.sdk import CredentialKind, Requires
from sage_studio.sdk.plugin import PLUGIN_ID

SCHEMA = "sage-studio/service@1"
Place = Literal["path", "query", "body", "header", "none"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Parameter(Shape):
    """A setting of one or several operations. ``details`` is the field as the JSON definition of nodes has it
    (``type``, ``label``, ``default``, ``min``, ``options`` …); ``key`` is its name in the request, in a body
    with dots for objects in objects (default: the parameter's own name). In a path, ``slashes`` stay."""

    name: str = PydanticField(pattern=r"^[a-z][a-z0-9_]{0,40}$")
    place: Place | None = None
    key: str = ""
    slashes: bool = False
    details: dict[str, Any] = PydanticField(default_factory=dict)


class Paging(Shape):
    """How a list goes on.

    ``cursor``: the value at ``next`` of the answer goes into ``parameter``. ``page`` and ``offset`` count,
    from ``first``, until a page has less than ``size`` entries. ``link``: the header Link says it (RFC 8288).
    ``url``: the whole address stands at ``next``. ``once``: it does not, only its size can be asked for.
    """

    kind: Literal["cursor", "page", "offset", "link", "url", "once"]
    next: str = ""
    parameter: str = ""
    place: Literal["query", "body"] = "query"
    first: int = 1
    size: int = 100
    size_parameter: str = ""


class Errors(Shape):
    """Expressions over ``body`` and ``status``: whether an answer is fine (for services that say 200 to
    everything), whether it only came too soon, whether the token it came with has ended, and what it says."""

    fine: str = ""
    busy: str = ""
    expired: str = ""
    message: str = ""


class TokenExchange(Shape):
    """A request that turns the credential's fields into a token: values are expressions over
    ``credential``. The token at ``result`` goes where ``send`` says: ``bearer``, or ``query:name`` or
    ``header:name``. It is kept for the seconds at ``lives_at`` of the answer, else for ``lives_s``."""

    method: Method = "POST"
    url: str
    query: dict[str, str] = PydanticField(default_factory=dict)
    body: dict[str, str] = PydanticField(default_factory=dict)
    result: str
    lives_at: str = ""
    lives_s: int = 3_000
    send: str = "bearer"


class Auth(Shape):
    """How requests are signed in. Without anything, the client puts the credential on them as its kind says.

    ``token``: it is exchanged first. ``path``: paths and queries of the operation may name
    ``{credential.field}``. ``sign``: the name of a signature (``signing``). ``needs``: fields without which
    it is the wrong kind of credential.
    """

    token: TokenExchange | None = None
    path: bool = False
    sign: str = ""
    needs: tuple[str, ...] = ()


class Operation(Shape):
    """One thing a service can do. ``path`` may name parameters in braces; ``query``, ``headers`` and ``body``
    hold expressions over the parameters. Without ``body`` it is made of the parameters whose place is the
    body, or by a maker of ``signing`` (``make``). ``result`` and ``items`` are paths in the answer."""

    id: str = PydanticField(pattern=r"^[a-z][a-z0-9_]{1,40}$")
    name: Text
    description: Text | None = None
    method: Method = "GET"
    path: str
    effect: Effect | None = None
    parameters: tuple[Parameter, ...] = ()
    query: dict[str, Any] = PydanticField(default_factory=dict)
    headers: dict[str, str] = PydanticField(default_factory=dict)
    body: Any = None
    body_type: Literal["json", "form", "none"] = "json"
    make: str = ""
    result: str = ""
    items: str | None = None
    answer: Literal["json", "text"] = "json"
    paging: Paging | None = None
    auth: Auth | None = None

    @property
    def effect_class(self) -> Effect:
        return self.effect or ("idempotent" if self.method in ("GET", "PUT", "DELETE") else "at_most_once")


class BaseUrl(Shape):
    """Where the service is; ``is_field`` for services people host themselves."""

    default: str
    is_field: bool = False


class Service(Shape):
    """A whole service: one node with a choice of operations."""

    id: str = PydanticField(pattern=PLUGIN_ID)
    version: str = "1.0.0"
    name: Text
    description: Text
    author: str = ""
    homepage: str = ""
    icon: str = "globe"
    base_url: BaseUrl
    credential_kinds: tuple[str, ...] = ()
    credential_is_required: bool = True
    own_kinds: tuple[CredentialKind, ...] = ()
    headers: dict[str, str] = PydanticField(default_factory=dict)
    auth: Auth = Auth()
    errors: Errors = Errors()
    wait_between_s: float = 0.0
    requires: Requires = Requires()
    operations: tuple[Operation, ...]
    example: dict[str, Any] | None = None

    def at(self, base_url: str) -> Service:
        """The same service at another address."""
        return self.model_copy(update={"base_url": self.base_url.model_copy(update={"default": base_url})})
