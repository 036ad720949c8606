"""The class of the roadmap's definition: finds documents that share words with the query."""

from __future__ import annotations

from typing import Any

from sage_studio.sdk import NodeMetadata, NodePlugin

DOCUMENTS = ("SAGE streams data", "A studio draws flows", "SAGE retrieves documents")


class SAGERetrieverNode(NodePlugin):
    """Its ports are those of node.json."""

    metadata = NodeMetadata(id="sage_retriever")

    async def execute(self, inputs: dict[str, Any]) -> dict[str, Any]:
        words = set(inputs["query"].lower().split())
        scores = [len(words & set(text.lower().split())) / len(words) for text in DOCUMENTS]
        best = sorted(range(len(DOCUMENTS)), key=lambda i: -scores[i])[: inputs["top_k"]]
        return {
            "documents": [
                {"text": DOCUMENTS[i], "metadata": {"database": self.config["database"]}} for i in best
            ],
            "scores": [scores[i] for i in best],
        }
