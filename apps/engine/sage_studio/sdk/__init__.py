"""What a node author imports.

A node is a class with a declarative ``spec`` and ``async def run(self, ctx, inputs)``; see
``Node``. Everything exported here is covered by the deprecation policy.
"""

from sage_studio.sdk.context import BlobStore, Context, FileStore, HttpClient, LlmClient, VectorStore
from sage_studio.sdk.errors import NodeError
from sage_studio.sdk.node import Node, NodeOutput
from sage_studio.sdk.spec import Choice, Field, NodeSpec, Port, text

__all__ = [
    "BlobStore",
    "Choice",
    "Context",
    "Field",
    "FileStore",
    "HttpClient",
    "LlmClient",
    "Node",
    "NodeError",
    "NodeOutput",
    "NodeSpec",
    "Port",
    "VectorStore",
    "text",
]
