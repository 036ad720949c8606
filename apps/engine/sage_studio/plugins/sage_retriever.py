"""SAGE's retriever under the module path of the roadmap's node definitions."""

from sage_studio.plugins.builtin.ai.sage_retriever import SAGERetrieverNode as SAGERetrieverNode

__all__ = ["SAGERetrieverNode"]
