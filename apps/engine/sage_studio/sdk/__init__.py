"""What a node author imports.

A node is a class with a declarative ``spec`` and ``async def run(self, ctx, inputs)``; see
``Node``. Everything exported here is covered by the deprecation policy.
"""

from sage_studio.sdk.context import (
    BlobStore,
    Context,
    FileRef,
    FileStore,
    HttpClient,
    HttpResponse,
    ItemExpression,
    LlmClient,
    LlmReply,
    Notifier,
    StateMap,
    VectorHit,
    VectorStore,
)
from sage_studio.sdk.control import BodyFailed, BodyResult, Leave
from sage_studio.sdk.errors import NodeError
from sage_studio.sdk.money import Price, tokens_in, usage_micros
from sage_studio.sdk.node import Node, NodeOutput
from sage_studio.sdk.settings import ItemFunction, Settings, as_files
from sage_studio.sdk.spec import Body, Choice, Effect, Field, Needs, NodeSpec, Port, text
from sage_studio.sdk.streams import Chunk, ChunkNode, ItemStream, Lazy, Rows, StreamNode, as_stream, is_many

__all__ = [
    "BlobStore",
    "Body",
    "BodyFailed",
    "BodyResult",
    "Choice",
    "Chunk",
    "ChunkNode",
    "Context",
    "Effect",
    "Field",
    "FileRef",
    "FileStore",
    "HttpClient",
    "HttpResponse",
    "ItemExpression",
    "ItemFunction",
    "ItemStream",
    "Lazy",
    "Leave",
    "LlmClient",
    "LlmReply",
    "Needs",
    "Node",
    "NodeError",
    "NodeOutput",
    "NodeSpec",
    "Notifier",
    "Port",
    "Price",
    "Rows",
    "Settings",
    "StateMap",
    "StreamNode",
    "VectorHit",
    "VectorStore",
    "as_files",
    "as_stream",
    "is_many",
    "text",
    "tokens_in",
    "usage_micros",
]
