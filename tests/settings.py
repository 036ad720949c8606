"""Settings of the test run: a data folder of its own, cheap password hashing, everything else as shipped."""

import os
import tempfile

if "SAGE_DATA_DIR" not in os.environ:
    os.environ["SAGE_DATA_DIR"] = tempfile.mkdtemp(prefix="sage-tests-")
if (worker := os.environ.get("PYTEST_XDIST_WORKER")) and "SAGE_TEST_WORKER" not in os.environ:
    # Tests that run side by side share no folder and no broker; programs they start inherit theirs.
    os.environ["SAGE_TEST_WORKER"] = worker
    os.environ["SAGE_DATA_DIR"] = f"{os.environ['SAGE_DATA_DIR']}/{worker}"
    if brokers := os.environ.get("SAGE_TEST_REDIS_URLS", "").split():
        os.environ["REDIS_URL"] = brokers[int(worker.removeprefix("gw")) % len(brokers)]
if "DATABASE_URL" in os.environ:
    os.environ.setdefault("SAGE_BASE_URL", "http://testserver")

from studio_project.settings import *  # noqa: F403 - the environment must be set first
from studio_project.settings import DATA_DIR, DATABASES

# A child would open the database of the same name without the test in front.
DOCUMENT_UPKEEP_APART_BYTES = 1 << 60
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"] == "apps.common.sqlite":
    # A file, not memory: threads, second connections and the write lock behave as in production.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / f"test-{os.getpid()}.sqlite3")}
elif empty := os.environ.get("SAGE_TEST_EMPTY_DATABASE"):
    DATABASES["default"]["TEST"] = {"TEMPLATE": empty}
