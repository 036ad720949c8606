"""What whoever runs a flow may add to a run besides its store and its host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sage_studio.engine.executors.placing import Executors
from sage_studio.engine.resources import ResourcePool
from sage_studio.kernel import Json

if TYPE_CHECKING:
    from sage_studio.engine.preparing import BranchLearning
    from sage_studio.engine.spending import SpendingPlan


@dataclass(frozen=True, slots=True)
class RunOptions:
    """``park_after_s``: a run with nothing to do but wait is given back when the wait goes on for longer
    than this; None keeps it. ``stand_for_s``: the same for a debugged run that stands at a stop while nobody
    commands it. ``executors``: the places nodes may run at; without them all run here.
    ``checkpoint_interval_s``: how often streams write where they are. ``resources``: what nodes that name
    their needs share with all other runs of this worker; without it they take what they like.
    ``branches``: what the flow has learned about its branches; without it nothing is prepared ahead.
    ``variables``: what expressions read as ``vars`` beside the flow's own, which win.
    ``spending``: what the run spent before it was taken up, and where it is to spend less."""

    park_after_s: float | None = None
    stand_for_s: float | None = None
    executors: Executors | None = None
    checkpoint_interval_s: float = 5.0
    resources: ResourcePool | None = None
    branches: BranchLearning | None = None
    spending: SpendingPlan | None = None
    variables: Mapping[str, Json] = field(default_factory=dict)
