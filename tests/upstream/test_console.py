"""The console in the original's shape, through the ASGI callable that servers call."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from accounts.models import Role, Team, User
from albatross.models import Instance
from tests.api.house import share
from tests.cast import TokenOf
from unikernels.consoles import streams
from unikernels.models import Unikernel
from unikernels.upstream import console

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hello(redis_server: str, robur: Team) -> Unikernel:
    instance = Instance.objects.create(name="fra-1", address="127.0.0.1:1")
    return Unikernel.objects.create(instance=instance, team=robur, path="robur", name="hello")


@pytest.fixture
def token(hello: Unikernel, bob: User, token_of: TokenOf) -> str:
    """A viewer's: consoles are for everybody in the team."""
    return token_of(bob, Role.VIEWER)


def ask(token: str, query: str, *, until: str, method: str = "GET") -> tuple[int, str]:
    """Status and text of the answer, as far as *until* has come; then the reader leaves."""
    scope = {
        "type": "http",
        "method": method,
        "path": console.PATH,
        "query_string": query.encode(),
        "headers": [(b"host", b"testserver"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 4711),
    }
    return asyncio.run(_ask(scope, until))


async def _ask(scope: dict[str, Any], until: str) -> tuple[int, str]:
    came: list[Any] = []
    leave, text = asyncio.Event(), ""

    async def receive() -> dict[str, Any]:
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal text
        came.append(message)
        text += message.get("body", b"").decode()
        if until in text:
            leave.set()

    async with asyncio.timeout(10):
        await console.application(scope, receive, send)
    return came[0]["status"], text


def test_a_line_has_the_originals_shape(hello: Unikernel, token: str) -> None:
    streams.append(hello.pk, [(1_765_215_930_000, "hello red")])
    status, text = ask(token, "unikernel=hello&instance=fra-1", until="red")
    assert status == 200
    (line,) = [line for line in text.splitlines() if line.startswith("data:")]
    assert line.startswith('data:{"timestamp":"2025-12-08T17:45:30-00:00","line":"hello ')
    assert json.loads(line.removeprefix("data:"))["timestamp"] == "2025-12-08T17:45:30-00:00"


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("unikernel=hello", 400, "Say instance and unikernel"),
        ("instance=fra-1", 400, "Say instance and unikernel"),
        ("unikernel=hello&instance=fra-9", 404, "Couldn't find albatross instance with name: fra-9"),
        ("unikernel=nope&instance=fra-1", 404, "There is no unikernel nope"),
        ("unikernel=a_b&instance=fra-1", 400, "Unikernel name error: invalid label"),
    ],
)
def test_what_is_not_there_is_said_at_once(
    query: str, status: int, words: str, token: str, robur: Team
) -> None:
    share(robur, Instance.objects.get())
    answered, text = ask(token, query, until="}")
    assert answered == status
    assert json.loads(text)["data"].startswith(words)


def test_nobody_follows_without_a_token(hello: Unikernel) -> None:
    assert ask("mm_nonsense", "unikernel=hello&instance=fra-1", until="}")[0] == 400


def test_only_get_follows(token: str) -> None:
    _, text = ask(token, "unikernel=hello&instance=fra-1", until="}", method="POST")
    assert json.loads(text)["data"] == "Bad HTTP request method."
