"""``sage-studio up``: the whole product from one command.

A small parent process that starts Valkey, the web server and the workers, watches over them and stops
them together. It holds no data and imports no Django, so it stays small and hard to kill by accident.
"""

from studio_project.supervisor.command import up_command

__all__ = ["up_command"]
