"""The one way out: requests to the network, held to addresses, sizes and times that do no harm."""

from sage_studio.egress.addresses import EgressPolicy
from sage_studio.egress.client import GuardedClient, Response, SecretHeader, checked_url, host_of, port_of

__all__ = ["EgressPolicy", "GuardedClient", "Response", "SecretHeader", "checked_url", "host_of", "port_of"]
