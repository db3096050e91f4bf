"""The settings of the test suite: the real ones, with an environment that tests decide.

TEST_DATABASE says on which database they run: ``sqlite`` (a file), or ``postgresql`` (a cluster of
their own, see ``tests.postgresql``). Each process has its own folder, which ends with it.
"""

import os
import tempfile
from pathlib import Path

from tests import postgresql

_folder = tempfile.TemporaryDirectory(prefix="mollymawk-tests-", ignore_cleanup_errors=True)
TEST_DATABASE = os.environ.get("TEST_DATABASE", "sqlite")
TEST_SHARED = "TEST_SHARED" in os.environ  # workers on both databases share the work
TEST_PART = os.environ.get("TEST_PART", "1/1")  # which of so many workers on this database this one is

(Path(_folder.name) / "staticfiles").mkdir()  # whitenoise warns when there is none

os.environ["SECRET_KEY"] = "only-for-tests-only-for-tests-only-for-tests-only"
os.environ["ENCRYPTION_KEYS"] = "bW9sbHltYXdrLXRlc3Qta2V5LTMyLWJ5dGVzLWxvbmc="
os.environ["DATA_DIR"] = _folder.name
os.environ["DEFAULT_BUILDER"] = ""
os.environ["API_REQUESTS_PER_MINUTE"] = "0"  # a test that counts sets it
os.environ["CHECK_SIMULATED_NETWORK"] = "true"
os.environ["DATABASE_URL"] = (
    postgresql.url("mollymawk") if TEST_DATABASE == "postgresql" else f"sqlite:///{_folder.name}/db.sqlite3"
)

from mollymawk.settings import *  # noqa: E402, F403  # the environment has to stand first
from mollymawk.settings import DATABASES  # noqa: E402

if TEST_DATABASE == "sqlite":
    # A file, as in production: threads and processes share it. No test survives a power loss.
    DATABASES["default"] |= {
        "TEST": {"NAME": f"{_folder.name}/tests.sqlite3"},
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
        },
    }

WHITENOISE_AUTOREFRESH = True  # else each client of a test looks at every static file there is
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 costs 0.3 s a login
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
