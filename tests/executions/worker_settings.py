"""Settings of a worker process under test: the test's database, short times, the test nodes."""

import os

from studio_project.settings import *  # noqa: F403 - a settings module is its names
from studio_project.settings import DATABASES
from tests.executions.ledger import register

DATABASES["default"]["NAME"] = os.environ["SAGE_TEST_DATABASE"]
RUN_LEASE_S = 3.0
RUN_HEARTBEAT_S = 0.5
RUN_GIVE_UP_S = 2.0
RUN_POLL_S = 0.2
RUN_DRAIN_S = 3.0
RUN_CHECKPOINT_S = 0.1
register()
