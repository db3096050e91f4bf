"""A small client of its own, that also does what ours refuses to do."""

from __future__ import annotations

import select
import socket
import struct
from datetime import UTC, datetime

from OpenSSL import SSL, crypto

from albatross import messages as m
from albatross.certificates import Credentials
from albatross.names import Name
from albatross.wire import decode, encode_extension

PATIENCE = 20.0  # seconds; nothing here should take one
WIDE = m.Policy(16, frozenset(range(4)), 2048, 1024, frozenset({"service", "management"}))


def now():
    return datetime.now(UTC)


def credentials(instance):
    return Credentials.load(
        server_ca=instance.server_ca.encode(),
        certificate=instance.ca_pem.encode(),
        key=instance.key_pem.encode(),
    )


def leaf(instance, name, command, *, policies=None, moment=None):
    """A leaf with *command* for *name* (text), below intermediates with *policies* (default: WIDE)."""
    name = Name.parse(name)
    moment = moment or now()
    if policies is None:
        policies = [WIDE] * len(name.path)
    authority = credentials(instance).authority_for(name.path, tuple(policies), now=moment)
    extension = command if isinstance(command, bytes) else encode_extension(command)
    return authority.raw_leaf(extension, name.label or ".", now=moment)


class Talk:
    """One connection. ``None`` from ``receive`` is a clean end, ``SSL.Error`` an alert."""

    def __init__(self, instance, certificate, key, chain=()):
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_mode(0x8)  # send no more certificates than these
        context.use_certificate(certificate)
        context.use_privatekey(key)
        for above in chain:
            context.add_extra_chain_cert(above)
        store = context.get_cert_store()
        assert store is not None
        store.add_cert(_x509(instance.server_ca))
        context.set_verify(SSL.VERIFY_PEER, lambda *told: bool(told[-1]))
        self.socket = socket.create_connection(("127.0.0.1", instance.port), PATIENCE)
        self.tls = SSL.Connection(context, self.socket)
        self.tls.set_connect_state()
        try:
            self._drive(self.tls.do_handshake)
        except SSL.Error:
            self.close()
            raise

    def _drive(self, step):
        while True:
            try:
                return step()
            except SSL.WantReadError:
                if not select.select([self.socket], [], [], PATIENCE)[0]:
                    raise TimeoutError("the instance says nothing") from None
            except SSL.WantWriteError:
                select.select([], [self.socket], [], PATIENCE)

    def send(self, data):
        view = memoryview(data)
        while view:
            view = view[self._drive(lambda: self.tls.send(view)) :]  # noqa: B023 - called at once

    def stream(self, *chunks, end=True):
        for chunk in chunks:
            self.send(struct.pack(">i", len(chunk)) + chunk)
        if end:
            self.send(bytes(4))
        return self

    def half_close(self):
        self.tls.shutdown()
        return self

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def read(self, size):
        data = b""
        while len(data) < size:
            try:
                data += self._drive(lambda: self.tls.recv(size - len(data)))  # noqa: B023 - called at once
            except SSL.ZeroReturnError:
                return data
        return data

    def receive(self):
        """The next message, or None at the clean end."""
        header = self.read(4)
        if not header:
            return None
        (length,) = struct.unpack(">i", header)
        return decode(self.read(length))

    def rest(self):
        """All payloads until the end."""
        return [message.payload for message in iter(self.receive, None)]

    def quiet(self, seconds=0.2):
        """Whether nothing at all comes for a while."""
        return not self.tls.pending() and not select.select([self.socket], [], [], seconds)[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _x509(pem):
    return crypto.load_certificate(crypto.FILETYPE_PEM, pem.encode())


def talk(instance, name, command, **options):
    """A connection that gives *command* for *name*."""
    made = leaf(instance, name, command, **options)
    return Talk(instance, made.certificate, made.key, made.chain)


def ask(instance, name, command, *, image=None, **options):
    """The payload of the one answer, or None when the instance closes without a word."""
    with talk(instance, name, command, **options) as connection:
        if image is not None:
            connection.stream(image)
        message = connection.receive()
        assert connection.receive() is None
        return message.payload if message else None


def create(*, force=False, image=b"", compressed=False, **arguments):
    config = m.Config(m.Arguments(**arguments), compressed=compressed, image=image)
    return m.UnikernelForceCreate(config) if force else m.UnikernelCreate(config)
