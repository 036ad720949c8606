"""Kills under live documents: nothing that was acknowledged may ever be missing from the journal.

``python -m infra.chaos.rooms --kills 500 --seed 1 --mode both`` (``make chaos-collab``). Twenty scripted
editors write through real sockets while the web process, the database server or Redis is killed, at
random and exactly at commit points. After each kill the journal is read behind the product's back and
held against every acknowledgement any editor has ever had; then by a fresh client through the product.

============  ======================================================================================
``stage``     prepares a database: people with sessions, a flow, a key for the API
``zygote``    a process with Django loaded that forks a web process in a fraction of a second
``place``     the processes in both layouts: start, kill, start again
``book``      what was done and what was acknowledged; compares it with a stored document
``editor``    one scripted person: edits, counts acknowledgements, comes back after each fall
``author``    a writer by HTTP beside them: patches through the headless writer
``rig``       all of it in order
============  ======================================================================================

What it does not see: browsers (editors here are scripted: no IndexedDB, no reload, nothing of the screen),
the stored projection of a document, people who lose their role meanwhile, more than one document, a Redis
that drops single messages, and power loss. Text that several people write is followed within an epoch only.
What nobody was acknowledged or shown may be lost.
"""
