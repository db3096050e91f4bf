"""What a server of ours does with requests that are made to hurt it: over real sockets, as in production."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mollymawk import bodies
from mollymawk.embedded.programs import web
from tests.asgi import serving

ROOT = Path(__file__).resolve().parents[2]
Address = tuple[str, int]


@pytest.fixture(scope="module")
def server() -> Iterator[Address]:
    with serving() as url:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        yield parts.hostname, parts.port


def talk(server: Address, *pieces: bytes) -> bytes:
    """All that the server says to these bytes before it hangs up."""
    said = b""
    with socket.create_connection(server, timeout=20) as client:
        with contextlib.suppress(ConnectionError):  # it had enough, and perhaps said so
            for piece in pieces:
                client.sendall(piece)
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(65536):
                said += piece
    return said


def request(path: str, *headers: str, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def test_headers_without_end_are_cut_off(server: Address) -> None:
    endless = (f"X-{number}: {'x' * 1000}\r\n".encode() for number in range(4000))
    said = talk(server, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n", *endless, b"\r\n")
    assert b"200 OK" not in said


def test_the_server_is_started_with_the_parser_that_has_a_limit() -> None:
    commands = [
        " ".join(web(8000).command),
        next(line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("web:")),
        (ROOT / "deploy/systemd/mollymawk-web.service").read_text(),
        (ROOT / "deploy/Containerfile").read_text().replace('", "', " "),
    ]
    for command in commands:
        assert "--http h11" in command
        assert "--limit-concurrency" in command


@pytest.mark.parametrize("path", ["/accounts/login/", "/api/v1/unikernels/", "/api/unikernel/destroy", "/"])
def test_a_long_body_is_refused_before_it_is_sent(server: Address, path: str) -> None:
    head = request(path, f"Content-Length: {bodies.ORDINARY + 1}", "Authorization: Bearer x")
    said = talk(server, head)
    assert b" 413 " in said.split(b"\r\n")[0]
    assert json.loads(said.partition(b"\r\n\r\n")[2])["type"] == "about:blank#too-large"


def test_a_long_body_without_a_length_is_cut_off(server: Address) -> None:
    chunk = b"%x\r\n%s\r\n" % (2**16, b"x" * 2**16)
    head = request("/api/v1/images/", "Transfer-Encoding: chunked")  # without a credential: no image
    said = talk(server, head, *[chunk] * (bodies.ORDINARY // 2**16 + 2))
    assert said == b"" or b" 413 " in said.split(b"\r\n")[0]


def test_a_body_that_does_not_come_is_given_up(server: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PAUSE", 0.05)
    said = talk(server, request("/accounts/login/", "Content-Length: 100"), b"login=")
    assert b" 408 " in said.split(b"\r\n")[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "body",
    [
        b"&".join(b"a%d=1" % number for number in range(2000)),  # more fields than a form has
        b"x" * (bodies.ORDINARY + 2**19),
    ],
)
def test_forms_with_too_much_in_them_are_refused(server: Address, body: bytes) -> None:
    kind = "Content-Type: application/x-www-form-urlencoded"
    # What is announced as too long is refused at once: sent on, it would be cut off before the answer is read.
    sent = body if len(body) <= bodies.ORDINARY else b""
    said = talk(server, request("/accounts/login/", kind, f"Content-Length: {len(body)}"), sent)
    assert said.split(b" ")[1] in {b"400", b"403", b"413"}


def test_a_second_length_is_refused(server: Address) -> None:
    said = talk(server, request("/healthz", "Content-Length: 1", "Content-Length: 2"), b"xx")
    assert b" 400 " in said.split(b"\r\n")[0]
