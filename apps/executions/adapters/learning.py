"""What a flow has learned about its branches, kept in the flow's own state between runs.

Only for flows with something to prepare behind a branch: all others cost nothing here. Of two runs that
end at once one's lesson may be lost; these are statistics.
"""

from __future__ import annotations

import structlog

from apps.executions.types import BRANCHES_KEY
from sage_studio.engine import Plan
from sage_studio.engine.prediction import BranchHistory, Scorecard
from sage_studio.engine.preparing import BranchLearning, is_branching, may_prepare
from sage_studio.sdk.context import StateMap

logger = structlog.get_logger(__name__)


async def branches_load(plan: Plan, state: StateMap) -> BranchLearning | None:
    """What is known, for a run to use and add to; None where nothing could be prepared anyway."""
    if not any(map(is_branching, plan.nodes)) or not any(map(may_prepare, plan.nodes)):
        return None
    kept = await state.get(BRANCHES_KEY)
    known = kept if isinstance(kept, dict) else {}
    history, card = known.get("history"), known.get("card")
    return BranchLearning(
        BranchHistory.from_json(history if isinstance(history, dict) else None),
        Scorecard.from_json(card if isinstance(card, dict) else None),
    )


async def branches_save(learning: BranchLearning | None, state: StateMap) -> None:
    """Keep what a run has added. The run has ended by now: that this fails must not change how."""
    if learning is None:
        return
    try:
        await state.set(
            BRANCHES_KEY, {"history": learning.history.to_json(), "card": learning.card.to_json()}
        )
    except Exception:  # see above
        logger.warning("branches_not_kept", exc_info=True)
