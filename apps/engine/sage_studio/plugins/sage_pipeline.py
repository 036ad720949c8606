"""SAGE's pipeline under the module path of the roadmap's node definitions."""

from sage_studio.plugins.builtin.ai.sage_pipeline import SagePipeline as SAGEPipelineNode

__all__ = ["SAGEPipelineNode"]
