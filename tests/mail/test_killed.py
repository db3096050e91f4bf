"""A real process that is killed with SIGKILL after the server took the letter and before it was told so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from accounts.mail.services import letter_write
from accounts.mail.tasks import CLAIM, sweep
from accounts.models import Letter, User
from tests.mail.conftest import let_pass
from tests.mail.office import PostOffice

ROOT = Path(__file__).resolve().parents[2]

SEND = """
import json, sys
import django
from django.conf import settings
database, port = json.loads(sys.argv[1])
settings.DATABASES["default"].update(database)
settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", port, False
django.setup()
from accounts.mail.tasks import sweep
sweep()
"""


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_killed_sender_loses_no_letter(office: PostOffice, alice: User, bob: User) -> None:
    letter_write(users=[alice, bob], topic="failed", subject="hello failed", text="It does not run.\n")
    sender: subprocess.Popen[bytes]
    office.handler.on_data = lambda: os.kill(sender.pid, signal.SIGKILL)
    sender = _sender(office)
    assert sender.wait(60) == -signal.SIGKILL
    office.handler.on_data = lambda: None
    assert office.told == ["alice@example.org"]
    assert Letter.objects.filter(sent_at=None).count() == 2

    cache.clear()  # its claim to be the only sender, once that has ended
    assert sweep() == 1, "what it did not begin is sent at once"
    assert office.told == ["alice@example.org", "bob@example.org"]

    let_pass(seconds=CLAIM.total_seconds() + 1)
    assert sweep() == 1, "what may have arrived is sent again, rather than lost"
    first, _, again = (message for _, message in office.handler.letters)
    assert first["Message-ID"] == again["Message-ID"]
    assert not Letter.objects.filter(sent_at=None).exists()


def _sender(office: PostOffice) -> subprocess.Popen[bytes]:
    words: dict[str, Any] = connection.settings_dict
    database = {key: words[key] for key in ("NAME", "HOST", "PORT", "USER", "PASSWORD")}
    arguments = json.dumps([database, office.port], default=str)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    return subprocess.Popen([sys.executable, "-c", SEND, arguments], cwd=ROOT, env=environment)
