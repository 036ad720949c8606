"""The ``sage-studio`` command: run and check flows without a server.

Other packages add commands through the entry-point group ``sage_studio.commands``: the name is the
command word, the value a callable that takes the remaining arguments and answers an exit code.
"""

from sage_studio.cli.main import main

__all__ = ["main"]
