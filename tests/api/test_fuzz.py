"""Whatever is sent, every endpoint answers as its description says, and never with a failure of ours.

``CASES=100000 SEED=7`` in the environment (``make fuzz``) sends more, or others.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from io import BytesIO
from random import Random
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import got_request_exception
from django.db import transaction

from accounts.models import User
from tests.api.caller import check
from tests.api.cases import Case, case
from tests.api.house import House
from tests.api.test_matrix import MATRIX

CASES = int(os.environ.get("CASES", "10000"))
SEED = os.environ.get("SEED", "0")
OPERATIONS = sorted(key for key in MATRIX if key[0] != "schema")
STREAMED = {"operation-events"}  # their answers are read in a test of their own


class Door:
    """Answers requests as the server does, without a client around it."""

    def __init__(self) -> None:
        self._handler = WSGIHandler()
        self.broken: BaseException | None = None

    def ask(self, made: Case, user: User | None, token: Any = None) -> Any:
        """What is answered; what broke is in ``broken``."""
        self.broken = None
        request = WSGIRequest(_environ(made))
        request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
        request._force_auth_user = user  # type: ignore[attr-defined]
        request._force_auth_token = token  # type: ignore[attr-defined]
        answer: Any = self._handler.get_response(request)
        return answer

    def check(self) -> None:
        """Raises what broke inside, if anything did."""
        if self.broken is not None:
            raise self.broken

    def note(self, **_: Any) -> None:
        """A handler of the signal that something broke."""

        self.broken = sys.exc_info()[1]


def _environ(made: Case) -> dict[str, Any]:
    body = made.body or b""
    told = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in made.headers.items()}
    return {
        "REQUEST_METHOD": made.method.upper(),
        "PATH_INFO": unquote(made.path, encoding="latin-1"),
        "QUERY_STRING": made.query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": made.kind,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.errors": BytesIO(),
        **told,
    }


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    got_request_exception.connect(door.note)
    yield door
    got_request_exception.disconnect(door.note)


@pytest.mark.timeout(300 + CASES // 20)
@pytest.mark.usefixtures("nowhere", "quiet", "watched")
def test_whatever_is_sent_is_answered_as_described(
    house: House, door: Door, root: User, dave: User, charlie: User
) -> None:
    who = [root] * 8 + [dave] * 3 + [charlie, None]
    goods = {key: f"/api/v1/{MATRIX[key][1](house)}" for key in OPERATIONS}
    valid = {key: MATRIX[key][2](house) for key in OPERATIONS}
    for number in range(CASES):
        random = Random(f"{SEED}:{number}")
        key = OPERATIONS[number % len(OPERATIONS)]
        made = case(random, key[1], goods[key], valid[key])
        user = random.choice(who)
        try:
            with transaction.atomic():
                answer = door.ask(made, user)
                door.check()
                _judge(made, goods[key].partition("?")[0], answer, streamed=key[0] in STREAMED)
                answer.close()
                transaction.set_rollback(True)
        except Exception as error:
            error.add_note(f"case {number} of seed {SEED}, by {user}: {made.curl}")
            raise


def _judge(made: Case, good: str, answer: Any, *, streamed: bool) -> None:
    if streamed and answer.status_code == 200:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
    elif made.path == good:
        check(made.method, good, answer)
    else:  # another address, or none
        assert answer.status_code < 500 or answer.status_code == 502, answer.content
        assert answer.status_code < 400 or answer.headers["Content-Type"] == "application/problem+json"
