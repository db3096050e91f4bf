"""A real process that is killed after the receiver got the message and before that was written down."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.actors import SYSTEM
from tests.webhooks.conftest import fate, let_pass
from tests.webhooks.receiver import Receiver
from unikernels.webhooks.models import Webhook
from unikernels.webhooks.sending import CLAIM
from unikernels.webhooks.services import webhook_ping
from unikernels.webhooks.tasks import sweep

ROOT = Path(__file__).resolve().parents[2]

SEND = """
import json, sys
import django
from django.conf import settings
settings.DATABASES["default"].update(json.loads(sys.argv[1]))
django.setup()
from unikernels.webhooks.tasks import sweep
sweep()
"""


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_killed_sender_loses_no_message_and_repeats_its_name(hook: Webhook, receiver: Receiver) -> None:
    delivery = webhook_ping(actor=SYSTEM, hook=hook)
    sender: subprocess.Popen[bytes]
    receiver.on_request = lambda: os.kill(sender.pid, signal.SIGKILL)
    sender = _sender()
    assert sender.wait(60) == -signal.SIGKILL
    receiver.on_request = lambda: None
    assert fate(delivery) == ("waiting", 1)

    assert sweep() == 0, "its claim has not ended"
    let_pass(seconds=CLAIM.total_seconds() + 1)
    assert sweep() == 1, "what may have arrived is sent again, rather than lost"
    assert fate(delivery) == ("delivered", 2)
    assert [request.message for request in receiver.got] == [delivery.message] * 2


def _sender() -> subprocess.Popen[bytes]:
    words: dict[str, Any] = connection.settings_dict
    database = {key: words[key] for key in ("NAME", "HOST", "PORT", "USER", "PASSWORD")}
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-c", SEND, json.dumps(database, default=str)]
    return subprocess.Popen(command, cwd=ROOT, env=environment)
