"""The optimiser: less waiting and less work, with results and states as drawn.

It works on the compiled plan, level by level: connections that only order nodes without effects are not
waited for (``relaxing``), equal work is done once (``sharing``), runs of cheap nodes become one unit, and
what the most work hangs on goes first (``timing``). ``report_of`` says what was done, why it is safe, and
what it saves. ``settings.optimise: off`` keeps the drawn order.
"""

from sage_studio.engine.optimise.durations import Durations
from sage_studio.engine.optimise.passes import LevelChanges, optimise
from sage_studio.engine.optimise.report import Report, measured_times, report_of

__all__ = ["Durations", "LevelChanges", "Report", "measured_times", "optimise", "report_of"]
