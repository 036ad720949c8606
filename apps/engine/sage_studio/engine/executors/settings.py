"""How pods for nodes are made; plain data, so that reading a configuration needs no cluster's client."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PodSettings:
    """``home`` is where pods reach this process (``host`` or ``host:port``): its own address in the
    cluster, or a service in front of it. ``memory_mb`` and ``cpu`` are for nodes that name no needs."""

    image: str
    home: str
    namespace: str = "sage-studio"
    listen: str = "0.0.0.0"  # noqa: S104 - pods come from the cluster's network; they show a token
    memory_mb: int = 1024
    cpu: float = 0.5
    user_id: int = 10001
    service_account: str = ""
    pull_secrets: tuple[str, ...] = ()
    node_selector: dict[str, str] = field(default_factory=dict)
    gpu_resource: str = "nvidia.com/gpu"
    start_timeout_s: float = 180.0
