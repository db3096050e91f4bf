"""The settings of the test suite: the real ones, with an environment that tests decide."""

import os
import tempfile

os.environ.setdefault("SECRET_KEY", "only-for-tests-only-for-tests-only-for-tests-only")
os.environ.setdefault("ENCRYPTION_KEYS", "bW9sbHltYXdrLXRlc3Qta2V5LTMyLWJ5dGVzLWxvbmc=")
os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="mollymawk-tests-"))
os.environ.setdefault("CHECK_SIMULATED_NETWORK", "true")

from mollymawk.settings import *  # noqa: E402, F403  # the environment has to stand first

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 costs 0.3 s a login
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
