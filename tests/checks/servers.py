"""Small servers that do what they are told, byte for byte, on real sockets."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PATIENCE = 5.0  # seconds; a server that waits longer for its client gives up

Handler = Callable[[socket.socket], None]


@dataclass
class Served:
    """Where a server listens, and what it was asked."""

    host: str
    port: int
    requests: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)  # that TLS clients asked for
    sent: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}/"


@contextmanager
def serving(host: str, handle: Handler, *, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """A TCP server whose every connection is given to *handle*, then closed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind((host, 0))
        listener.listen(64)
        served = Served(host, listener.getsockname()[1])
        if tls:
            tls.sni_callback = lambda _socket, name, _context: served.names.append(name)
        threads = [threading.Thread(target=_accept, args=(listener, served, handle, tls))]
        threads[0].start()
        try:
            yield served
        finally:
            served.over.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            threads[0].join()


def _accept(listener: socket.socket, served: Served, handle: Handler, tls: ssl.SSLContext | None) -> None:
    threads = []
    while not served.over.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            break
        thread = threading.Thread(target=_serve, args=(connection, handle, tls))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()


def _serve(connection: socket.socket, handle: Handler, tls: ssl.SSLContext | None) -> None:
    # What fails here fails because the client went away: the test looks at the client.
    with contextlib.suppress(OSError), connection:
        connection.settimeout(PATIENCE)
        if tls is None:
            handle(connection)
        else:
            with tls.wrap_socket(connection, server_side=True) as wrapped:
                handle(wrapped)


def request_of(connection: socket.socket) -> bytes:
    """The head of a request."""
    head = b""
    while b"\r\n\r\n" not in head and (piece := connection.recv(4096)):
        head += piece
    return head


def answering(*pieces: bytes) -> Handler:
    """Reads a request and sends *pieces*."""

    def handle(connection: socket.socket) -> None:
        request_of(connection)
        for piece in pieces:
            connection.sendall(piece)

    return handle


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP answer; *headers* with underscores for hyphens."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def by_path(served: list[Served], answers: dict[bytes, bytes]) -> Handler:
    """Answers by the path of the request, and notes the request in the (one) *served*."""

    def handle(connection: socket.socket) -> None:
        head = request_of(connection)
        served[0].requests.append(head)
        connection.sendall(answers[head.split(b" ")[1]])

    return handle


def endlessly(beginning: bytes, again: bytes, sent: list[int]) -> Handler:
    """*beginning*, then *again* until the client goes away; *sent* gets the number of bytes."""

    def handle(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(beginning)
        sent.append(0)
        while True:
            sent[-1] += connection.send(again)

    return handle


def dripping(served: list[Served], data: bytes, every: float) -> Handler:
    """*data* byte by byte, again and again, until the server ends."""

    def handle(connection: socket.socket) -> None:
        request_of(connection)
        while True:
            for byte in data:
                if served[0].over.wait(every):
                    return
                connection.sendall(bytes([byte]))

    return handle


def hanging(connection: socket.socket) -> None:
    """Says nothing until the client goes."""
    while connection.recv(4096):
        pass


@contextmanager
def datagrams(host: str, port: int, reply: Callable[[bytes], Iterable[bytes]]) -> Iterator[Served]:
    """A UDP server on *port* that sends back what *reply* makes of each datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind((host, port))
        asked.settimeout(0.05)
        served = Served(host, asked.getsockname()[1])

        def answer() -> None:
            while not served.over.is_set():
                try:
                    query, client = asked.recvfrom(4096)
                except TimeoutError:
                    continue
                served.requests.append(query)
                for data in reply(query):
                    asked.sendto(data, client)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield served
        finally:
            served.over.set()
            thread.join()
