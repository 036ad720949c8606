"""Documents of strangers, read in a process of their own: one that breaks a parser breaks only that process.

``process`` is this side of it and ``child`` the other; what ``child`` loads for a task (``pdf``, ``tables``,
``images``, ``office``, ``sheets``, ``page``) imports nothing of the node library, so that a reader starts
in a few hundredths of a second.
"""
