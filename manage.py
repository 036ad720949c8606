#!/usr/bin/env python
"""Django's command line with this project's settings."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio_project.settings")
    import studio_project.celery  # noqa: F401 - tasks a command sends go to our broker

    execute_from_command_line(sys.argv)
