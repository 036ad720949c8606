"""``sage-studio plugin``: making, testing and looking at plug-ins."""

from sage_studio.cli.plugin.main import command as command
