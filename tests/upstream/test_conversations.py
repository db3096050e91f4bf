"""Scripts of the original get the original's answers, but for what ``docs/upgrading.md`` lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.actors import SYSTEM
from accounts.models import Team
from albatross.models import Instance
from albatross.simulator import SimulatedInstance
from tests.upstream.conversations import FILES, Conversation, contains, conversations
from tests.upstream.script import Script
from unikernels.instances.services import instance_add
from unikernels.inventory.services import reconcile
from unikernels.quotas.services import quota_grant

RECORDED = conversations()


@pytest.fixture
def eu_1(robur: Team, simulated: SimulatedInstance, quick: Path) -> Instance:
    """The instance of the recording, and what the user there was allowed."""
    host = simulated
    keys = {"server_ca": host.server_ca, "certificate": host.ca_pem, "key": host.key_pem}
    instance = instance_add(actor=SYSTEM, name="eu-1", address=host.address, **keys)
    reconcile(instance)
    limits: dict[str, Any] = {
        "unikernels": 5,
        "memory": 512,
        "block": 100,
        "cpuids": [0, 1],
        "bridges": ["service"],
    }
    quota_grant(actor=SYSTEM, team=robur, instance=instance, **limits)
    reconcile(instance)
    return instance


def say(script: Script, told: Conversation) -> Any:
    """The request of *told*, and the body that comes back."""
    if told.parts:
        return script.form(told.path, {name: _value(text) for name, text in told.parts})
    kind = told.headers.get("Content-Type", "application/x-www-form-urlencoded")
    return script.call(told.method, told.path, told.data or "", kind)


def _value(text: str) -> Any:
    if text.startswith("@"):
        return SimpleUploadedFile(text[1:], FILES[text[1:]])
    return text


def begins(ours: dict[str, Any], told: Conversation, start: str) -> None:
    """The same status and title, and *data* begins as recorded; the rest are our words."""
    assert told.answer["data"].startswith(start)
    assert (ours["status"], ours["title"]) == (told.answer["status"], told.answer["title"])
    assert ours["data"].startswith(start)


# Asked in this order, each answered as it was recorded; in brackets what may differ behind the beginning.
REFUSAL = "Albatross Response Error: failure: "
STORY: list[tuple[str, str | None]] = [
    ("22-list-empty", None),
    ("107-create-by-cookie-and-csrf", None),  # with our token
    ("36-create-same-name", None),
    ("37-create-force", None),
    ("38-create-uppercase-name", None),
    ("39-create-bad-name", None),
    ("40-create-unknown-instance", None),
    ("41-create-bad-instance-name", None),
    ("42-create-invalid-config-json", "Invalid unikernel arguments: "),
    ("44-create-missing-name", None),
    ("49-create-not-multipart", None),
    ("50-create-over-memory-policy", REFUSAL),
    ("51-create-bad-cpu", REFUSAL),
    ("55-create-with-net", None),
    ("56-create-cpuid-key", None),
    ("59-list-several", None),
    ("65-restart", None),
    ("66-restart-empty-body", None),
    ("67-restart-with-arguments", None),
    ("68-restart-arguments-object", None),
    ("69-restart-unknown", None),
    ("71-list-after-restart", None),
    ("73-destroy", None),
    ("76-destroy-unknown-instance", None),
    ("77-destroy-not-json", ""),
    ("78-destroy-list-json", None),
    ("80-destroy-wrong-method", None),
    ("81-update-missing-fields", None),
    ("82-update-unknown-instance", None),
    ("84-update-no-internet", "Update failed. hello failed to update to build a with error "),
    ("110-create-builder-mode-no-job", None),
    ("161-restart-round-trip-of-output-form", None),
    ("165-force-create-over-memory-policy-running", REFUSAL),
]


def test_a_script_of_the_original_gets_its_answers(eu_1: Instance, script: Script) -> None:
    for name, start in STORY:
        told = RECORDED[name]
        if told.path == "/api/unikernels":
            reconcile(eu_1)
        ours = say(script, told)
        if start is None:
            assert contains(ours, told.answer), (name, ours)
        else:
            begins(ours, told, start)
