"""A TLS connection over a pair of asyncio streams, server side.

asyncio's own TLS ends a connection when the client closes its sending half, which clients of
Albatross may do before they read the answer; so this drives OpenSSL through memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

RECORD = 64 * 1024  # bytes that are taken from the socket at once
SLICE = 256 * 1024  # bytes that are encrypted before the socket has to take them
LINGER = 1.0  # seconds that a client has to close its half
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER on, for 0 seconds: close with a reset


class Gone(Exception):
    """The connection ended, or what came over it was no TLS."""


def server_context(certificate: Path, key: Path, ca_pem: str) -> ssl.SSLContext:
    """TLS 1.3 only, a client certificate required, no tickets: as the real endpoint.

    OpenSSL tells a client about a bad certificate in more kinds of alert than the real endpoint,
    which knows two: ``certificate_expired`` for the leaf's time, ``bad_certificate`` for the rest.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(cadata=ca_pem)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the CA has no subject key identifier
    context.num_tickets = 0
    return context


class TlsStream:
    """Reading and writing raise ``Gone`` when the connection breaks."""

    def __init__(
        self, context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader, self._writer = reader, writer
        self._closed = False
        writer.transport.set_write_buffer_limits(high=0)  # so that closing loses nothing
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def first_bytes(self) -> None:
        """Wait until the client says something."""
        await self._fill()

    async def handshake(self) -> None:
        await self._drive(self._tls.do_handshake)

    def verified_chain(self) -> list[bytes]:
        """The path that OpenSSL verified, in DER, from the leaf to the CA."""
        if hasattr(self._tls, "get_verified_chain"):  # Python 3.13 and later
            return list(self._tls.get_verified_chain())
        inner = self._tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - no other way before 3.13
        return [certificate.public_bytes(_ENCODING_DER) for certificate in inner.get_verified_chain()]

    async def read(self, size: int) -> bytes:
        """Up to *size* bytes; none when the client has closed its sending half."""
        try:
            return await self._drive(lambda: self._tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""

    async def read_exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = await self.read(size - len(data))
            if not piece:
                raise Gone("the client sends no more")
            data += piece
        return bytes(data)

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(view), SLICE):
            piece = view[start : start + SLICE]
            await self._drive(lambda piece=piece: self._tls.write(piece))  # type: ignore[misc]  # bound now

    async def close(self, *, linger: float = LINGER) -> None:
        """Say goodbye, and wait a moment for the client, so that a reset cannot destroy the answer."""
        if self._closed:
            return
        with contextlib.suppress(Gone, OSError):
            with contextlib.suppress(ssl.SSLError):  # it goes on to look what the client has sent
                self._tls.unwrap()
            await self._flush()
            self._writer.write_eof()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(linger):
                    await self.until_gone()
        self._closed = True
        self._writer.close()

    def abort(self) -> None:
        """Reset the connection, unless it was closed."""
        if not self._closed:
            self._closed = True
            reset(self._writer)

    async def until_gone(self) -> None:
        """Wait until the client closes the connection; what it sends is not looked at."""
        with contextlib.suppress(OSError):
            while await self._reader.read(RECORD):
                pass

    async def _drive(self, step: Callable[[], T]) -> T:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except ssl.SSLZeroReturnError:
                raise
            except ssl.SSLError as error:
                await self._flush()  # the alert
                raise Gone(str(error)) from error
            else:
                await self._flush()
                return result

    async def _fill(self) -> None:
        try:
            data = await self._reader.read(RECORD)
        except OSError as error:
            raise Gone(str(error)) from error
        if not data:
            raise Gone("the client is gone")
        self._incoming.write(data)

    async def _flush(self) -> None:
        if not self._outgoing.pending:
            return
        try:
            self._writer.write(self._outgoing.read())
            await self._writer.drain()
        except OSError as error:
            raise Gone(str(error)) from error


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with a TCP reset."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()


_ENCODING_DER = 2  # _ssl.ENCODING_DER
