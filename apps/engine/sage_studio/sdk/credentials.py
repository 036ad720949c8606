"""What kinds of credentials there are, said declaratively: their fields, how they are put on a request, to
which host they belong and how they are tried out.

The product's form, its vault and its client all read this; a plug-in brings a kind of its own by giving
one more ``CredentialKind``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field as PydanticField

from sage_studio.flow.spec import Field, Shape
from sage_studio.kernel import Text

How = Literal["none", "header", "query", "basic", "bearer", "oauth2", "standard_webhooks"]
HostsUse = Literal["required", "optional", "from_fields"]


class CredentialField(Field):
    """One field of a credential. A ``secret`` one is sealed and never shown again; the others are shown to
    whoever may use the credential."""

    secret: bool = False


class Placement(Shape):
    """How the client puts a credential on a request.

    ``field`` names the field with the secret. ``name`` is the header's or parameter's, unless a field
    called ``name_field`` says; ``prefix`` likewise. Basic takes the fields ``username`` and ``password``.
    """

    how: How = "none"
    field: str = ""
    name: str = ""
    name_field: str = ""
    prefix: str = ""
    prefix_field: str = ""
    extra_headers: dict[str, str] = PydanticField(default_factory=dict)


class HostField(Shape):
    """Fields that say where a credential belongs. ``host`` holds one host, a list ``host:port,host:port``,
    or an address; ``port`` is the field with its port, ``default_port`` counts where there is none."""

    host: str
    port: str = ""
    default_port: int


class HttpTest(Shape):
    """A GET that shows whether a service takes the credential: a path at the first allowed host, or a whole
    address. ``names_field`` is the field of the answer that says whose account it is."""

    url: str
    names_field: str = ""


class OAuth2Settings(Shape):
    """Where a service hands out tokens. Fields of the same name win where a kind has them."""

    authorize_url: str = ""
    token_url: str = ""
    scopes: tuple[str, ...] = ()
    pkce: bool = True
    authorize_params: dict[str, str] = PydanticField(default_factory=dict)
    client_auth: Literal["basic", "body"] = "body"
    body: Literal["form", "json"] = "form"


class CredentialKind(Shape):
    """A kind of credential.

    ``hosts`` are allowed from the start (a service's own). ``hosts_use`` says whether people must name
    hosts, may (without any, the secret never leaves the worker), or whether they follow from
    ``host_fields``. ``test`` is a request, or the id of a try-out in ``sage_studio.plugins``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = PydanticField(pattern=r"^[a-z][a-z0-9_]{1,62}$")
    name: Text
    description: Text
    icon: str = "key"
    fields: tuple[CredentialField, ...]
    placement: Placement = Placement()
    hosts: tuple[str, ...] = ()
    hosts_use: HostsUse = "required"
    host_fields: tuple[HostField, ...] = ()
    oauth2: OAuth2Settings | None = None
    test: HttpTest | str | None = None
    help_url: str = ""

    def field(self, name: str) -> CredentialField | None:
        return next((field for field in self.fields if field.name == name), None)

    @property
    def secret_names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields if field.secret)
