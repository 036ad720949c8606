"""Streams between nodes: bounded channels, stages, pipelines, checkpoints.

This package knows nodes and their contexts, but neither plans nor records; ``engine.pipelines``
hooks it into runs.
"""

from sage_studio.engine.streams.channel import Barrier, Channel
from sage_studio.engine.streams.pipeline import Checkpoint, Pipeline, StageFailed
from sage_studio.engine.streams.stage import StagePlan

__all__ = ["Barrier", "Channel", "Checkpoint", "Pipeline", "StageFailed", "StagePlan"]
