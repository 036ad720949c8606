"""Chaos: the real product under load, its parts killed and frozen at random, its promises checked.

``python -m infra.chaos --minutes 30 --seed 7 --mode both`` (``make chaos``). One seed fixes what is
started and what is done to whom; the moments differ with the machine.

=============  =====================================================================================
``nodes``      node types with an effect outside the database: a line in a ledger file
``flows``      the mix of flows, and what each is given
``oracle``     the same flow in one process without faults: what every run must give
``stage``      prepares a database: a workspace, its flows, a key for the API
``parts``      the processes of the product in both layouts: start, kill, freeze, let go on
``load``       starts runs through the API, again and again until each is accepted
``people``     answer, cancel, pause and resume runs under way
``faults``     chooses what breaks next and times how long the product needs to be well again
``receiver``   the slow service outside that flows send requests to
``tables``     reads the database with plain SQL, behind the product's back
``machine``    how slow the machine is meanwhile
``judge``      holds what is in the tables against the promises; ``effects`` does so for the ledger
``logs``       what the processes said about it themselves
``rig``        all of it in order, once
``report``     the table and the JSON
=============  =====================================================================================

What it does not see: power loss (a killed server's writes are still in the kernel; that the right flushes
are asked for is asserted in ``tests/durability``), networks that lose or delay instead of breaking, clocks
that jump, full disks. Of the product: streams, flows fed by queues, schedules and webhooks, redrives, debug
sessions, budgets, node caches; whether a pause or a cancellation takes effect in time; what a person is
shown meanwhile. Who wrote which row is known on PostgreSQL only. Lines of a process that was frozen in the
middle of a node may come late without blame, and a worker that held nothing is well again at once.
"""
