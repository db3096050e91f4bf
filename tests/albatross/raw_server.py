"""A TLS server on loopback that does what a test tells it, right or wrong."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from albatross.address import Address
from albatross.certificates import Authority, Pair, generate_ca, server_certificate
from albatross.framing import END, frame
from albatross.messages import Header, Message, Payload
from albatross.names import ROOT, Name
from albatross.wire import encode

CA = generate_ca("albatross")
Script = Callable[[ssl.SSLSocket], object]
PlainScript = Callable[[socket.socket], object]


def reply(payload: Payload, name: Name = ROOT) -> bytes:
    """A frame with *payload*."""
    return frame(encode(Message(Header(name), payload)))


def server_context(
    folder: Path, *, ca: Authority = CA, pair: Pair | None = None, trusted: Authority | None = None
) -> ssl.SSLContext:
    """TLS 1.3 with a client certificate demanded, as Albatross's endpoint has it."""
    pair = pair or server_certificate(ca)
    (folder / "server.pem").write_bytes(pair.certificate_pem + pair.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.load_cert_chain(folder / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=(trusted or ca).certificate_pem.decode())
    return context


@dataclass
class Heard:
    """What a server read of an upload, and how it ended."""

    data: bytes = b""
    ending: str = ""


def hear(tls: ssl.SSLSocket) -> Heard:
    """Read until the zero frame ("complete"), a close_notify ("closed") or any other end ("cut")."""
    heard = Heard()
    buffer = bytearray()
    while not heard.ending:
        while len(buffer) >= 4 and len(buffer) >= 4 + (length := int.from_bytes(buffer[:4], "big")):
            if buffer[:4] == END:
                heard.ending = "complete"
                return heard
            heard.data += buffer[4 : 4 + length]
            del buffer[: 4 + length]
        try:
            data = tls.recv(65536)
        except OSError:
            heard.ending = "cut"
        else:
            buffer += data
            heard.ending = "" if data else "closed"
    return heard


@contextlib.contextmanager
def plain_server(script: PlainScript) -> Iterator[Address]:
    """A TCP server that runs *script* for every connection, each in its thread, and then closes it.

    What a script raises but a broken connection fails the test (pytest reports it).
    """
    with socket.create_server(("127.0.0.1", 0), backlog=32) as listener:
        workers: list[threading.Thread] = []
        acceptor = threading.Thread(target=_accept, args=(listener, script, workers))
        acceptor.start()
        try:
            yield Address("127.0.0.1", listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for worker in workers:
                worker.join()


@contextlib.contextmanager
def tls_server(context: ssl.SSLContext, script: Script) -> Iterator[Address]:
    """A TLS server that runs *script* for every connection and then closes it in order."""

    def shake_hands(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False) as tls:
            script(tls)
            with contextlib.suppress(OSError, ValueError):  # the script may have ended it otherwise
                tls.unwrap()

    with plain_server(shake_hands) as address:
        yield address


def _accept(listener: socket.socket, script: PlainScript, workers: list[threading.Thread]) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:  # the test is over
            return
        workers.append(threading.Thread(target=_serve, args=(sock, script)))
        workers[-1].start()


def _serve(sock: socket.socket, script: PlainScript) -> None:
    with (
        sock,
        contextlib.suppress(OSError),
    ):  # the client may refuse, reset, or be gone: the tests see it there
        script(sock)
