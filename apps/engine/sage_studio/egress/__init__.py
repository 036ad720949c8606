"""The one way out: requests to the network, held to addresses, sizes and times that do no harm."""

from sage_studio.egress.addresses import EgressPolicy
from sage_studio.egress.answers import Response, StreamedResponse
from sage_studio.egress.client import GuardedClient
from sage_studio.egress.forward_proxy import ForwardProxy
from sage_studio.egress.hops import Content, checked_url
from sage_studio.egress.secrets import RequestSecret, host_is_allowed, host_of, plain_host, port_of

__all__ = [
    "Content",
    "EgressPolicy",
    "ForwardProxy",
    "GuardedClient",
    "RequestSecret",
    "Response",
    "StreamedResponse",
    "checked_url",
    "host_is_allowed",
    "host_of",
    "plain_host",
    "port_of",
]
