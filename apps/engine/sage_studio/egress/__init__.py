"""The one way out: requests to the network, held to addresses, sizes and times that do no harm."""

from sage_studio.egress.addresses import EgressPolicy
from sage_studio.egress.client import GuardedClient, Response, SecretHeader

__all__ = ["EgressPolicy", "GuardedClient", "Response", "SecretHeader"]
