"""For tests of nodes: run one the way a flow does, and hold it to what every node must do.

    from sage_studio.testing import conformance, run_node
    from acme_shout import Shout

    test_conformance = conformance(Shout)

    async def test_it_shouts():
        assert (await run_node(Shout, text="hi")).outputs == {"text": "HI"}

``sage-studio plugin test`` asks the same of every node of a plug-in.
"""

from sage_studio.testing.conformance import conformance, examine, run_example
from sage_studio.testing.findings import Finding
from sage_studio.testing.host import BenchHost
from sage_studio.testing.running import NodeRun, run_node

__all__ = ["BenchHost", "Finding", "NodeRun", "conformance", "examine", "run_example", "run_node"]
