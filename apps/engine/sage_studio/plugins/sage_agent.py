"""SAGE's agent under the module path of the roadmap's node definitions."""

from sage_studio.plugins.builtin.ai.sage_agent import SageAgent as SAGEAgentNode

__all__ = ["SAGEAgentNode"]
