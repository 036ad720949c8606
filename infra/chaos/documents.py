"""Writing flow documents by hand, short enough to read."""

from __future__ import annotations

from typing import Any

NODE_KEYS: tuple[str, ...] = ("retry", "on_error", "parent", "timeout_s")
Json = dict[str, Any]


def node(node_id: str, kind: str, **config: Any) -> Json:
    options: Json = {key: config.pop(key) for key in NODE_KEYS if key in config}
    return {"id": node_id, "type": kind, "config": config, **options}


def step(node_id: str, give: str, kind: str = "chaos_effect", seconds: float = 0.3, **more: Any) -> Json:
    """A node of the rig's own, with its mark for the ledger."""
    return node(node_id, kind, tag="{{ flow.inputs.tag }}", give=give, seconds=seconds, **more)


def flow(nodes: list[Json], edges: str, outputs: dict[str, str], **settings: Any) -> Json:
    """A document; edges are written ``a:out>b:in c:out>d:in``."""
    wires = []
    for edge in edges.split():
        source, target = edge.split(">")
        (source_id, source_port), (target_id, target_port) = source.split(":"), target.split(":")
        wires.append(
            {"source": source_id, "source_port": source_port, "target": target_id, "target_port": target_port}
        )
    return {
        "schema": "sage-studio/flow@1",
        "inputs": [
            {"name": "n", "type": "integer", "required": True},
            {"name": "tag", "type": "string", "required": True},
        ],
        "nodes": nodes,
        "edges": wires,
        "outputs": [{"name": name, "value": value} for name, value in outputs.items()],
        "settings": settings,
    }
