"""Verdicts agree everywhere: API, exit code, mail and page say the same of every end of an operation."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from django.core import mail
from django.test import Client
from django.utils.html import escape

from accounts.mail.services import choice_set
from accounts.mail.tasks import sweep
from accounts.mail.topics import Topic
from accounts.models import Letter, User
from tests.api.house import House
from tests.cast import ClientOf
from tests.commands.conftest import Run
from tests.mail.ends import ended
from unikernels.operations.machine import TERMINAL, TRANSFERS, Kind, State

pytestmark = pytest.mark.django_db


class End(NamedTuple):
    """A way to end, and what everybody has to say of it."""

    state: State
    running: str
    word: str
    tone: str
    code: int
    topic: Topic


ENDS = (
    End(State.SUCCEEDED, "", "succeeded", "ok", 0, Topic.SUCCEEDED),
    End(State.ABORTED, "", "aborted", "warn", 8, Topic.ABORTED),
    End(State.CANCELLED, "", "cancelled", "idle", 8, Topic.ABORTED),
    End(State.ROLLED_BACK, "", "rolled back", "bad", 6, Topic.ROLLED_BACK),
    End(State.FAILED, "yes", "failed", "bad", 9, Topic.FAILED),
    End(State.FAILED, "no", "failed", "bad", 9, Topic.FAILED),
    End(State.FAILED, "unknown", "failed", "bad", 9, Topic.FAILED),
)
UNIKERNELS = [
    kind for kind in Kind if kind not in TRANSFERS
]  # tests/operations/test_transfers.py has the others
QUIET = {Kind.RESTART, Kind.DESTROY}  # told by mail only when they failed


@pytest.fixture
def all_ears(alice: User, client_of: ClientOf) -> Client:
    """The browser of somebody who wants every letter."""
    for topic in Topic:
        choice_set(user=alice, topic=topic, wanted=True)
    return client_of(alice)


def test_every_end_is_walked() -> None:
    assert {end.state for end in ENDS} == TERMINAL


@pytest.mark.parametrize("kind", UNIKERNELS)
@pytest.mark.parametrize("end", ENDS, ids=lambda end: f"{end.state}-{end.running}".rstrip("-"))
def test_verdicts_agree_everywhere(kind: Kind, end: End, house: House, all_ears: Client, run: Run) -> None:
    operation = ended(house, kind, end.state, end.running)
    client = all_ears

    told: dict[str, Any] = client.get(f"/api/v1/operations/{operation.pk}/").json()
    sentence = told["verdict"]["sentence"]
    assert told["verdict"] == {"word": end.word, "tone": end.tone, "sentence": sentence}
    assert (told["state"], told["running"]) == (end.state, end.running or None)
    assert (told["exit_code"], told["finished"]) == (end.code, True)

    assert run("operations", operation.pk).code == end.code
    assert run("operations", operation.pk, "--json").json["verdict"] == told["verdict"]

    badge = f'<span class="badge {end.tone}">{end.word}</span>'
    page = client.get(f"/operations/{operation.pk}/").text
    assert badge in page
    assert escape(sentence) in page
    titled = badge.replace(">", f' title="{escape(sentence)}">', 1)
    assert titled in client.get("/operations/").text

    sweep()
    if kind in QUIET and end.state is not State.FAILED:
        assert mail.outbox == []
        return
    (message,) = mail.outbox
    assert message.subject == f"Mollymawk: robur:hello on fra-1: {kind} {end.word}"
    assert str(message.body).startswith(f"{sentence}\n")
    topic = Topic.ROLLED_BACK if (kind, end.state) == (Kind.ROLLBACK, State.SUCCEEDED) else end.topic
    assert Letter.objects.get().topic == topic


@pytest.mark.parametrize("kind", UNIKERNELS)
def test_only_what_succeeded_is_called_a_success(kind: Kind, house: House, alice: User, run: Run) -> None:
    choice_set(user=alice, topic="succeeded", wanted=True)
    for end in ENDS:
        operation = ended(house, kind, end.state, end.running)
        letter = alice.letters.first()
        succeeded = end.state is State.SUCCEEDED
        assert (run("operations", operation.pk).code == 0) is succeeded
        if letter is not None:
            assert ("succe" in letter.subject + letter.text) is succeeded
            assert not (letter.topic == Topic.SUCCEEDED and not succeeded)
        alice.letters.all().delete()
