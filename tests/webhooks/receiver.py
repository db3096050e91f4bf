"""A receiver: a real HTTP server that keeps what it gets and answers what it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from typing import Any

from tests.checks.servers import http, serving

TOLERANCE = 300  # seconds


@dataclass
class Received:
    """One request as it came."""

    head: bytes
    headers: Message
    body: bytes

    @property
    def message(self) -> str:
        return str(self.headers["webhook-id"])

    @property
    def told(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What came, and what is answered: the next of ``answers``, then 204."""

    got: list[Received] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    on_request: Callable[[], object] = lambda: None
    host: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://{self.host}/hook?team=robur"

    def handle(self, connection: socket.socket) -> None:
        received = _read(connection)
        with self.lock:
            self.got.append(received)
            answer = self.answers.pop(0) if self.answers else http(204)
        self.on_request()
        connection.sendall(answer)

    @property
    def kinds(self) -> list[str]:
        return [request.told["type"] for request in self.got]


@contextmanager
def receiving(address: str, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver at *address*."""
    receiver = Receiver()
    with serving(address, receiver.handle, tls=tls) as served:
        receiver.host = served.place
        yield receiver


def _read(connection: socket.socket) -> Received:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(4096)
    head, _, body = data.partition(b"\r\n\r\n")
    headers = BytesParser().parsebytes(head.partition(b"\r\n")[2] + b"\r\n\r\n")
    while len(body) < int(headers["Content-Length"]):
        body += connection.recv(4096)
    return Received(head, headers, body)


def verify(request: Received, secret: str) -> bool:
    """What docs/webhooks.md tells receivers to do, word for word."""
    timestamp = int(request.headers["webhook-timestamp"])
    if abs(time.time() - timestamp) > TOLERANCE:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{request.message}.{timestamp}.".encode() + request.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part.partition(",")[2] for part in request.headers["webhook-signature"].split()]
    return any(hmac.compare_digest(expected, one) for one in given)
