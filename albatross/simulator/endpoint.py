"""The TLS endpoint of a simulated instance: it listens, and finds out what each client wants."""

from __future__ import annotations

import asyncio
import logging
import ssl
from datetime import UTC, datetime

from albatross.names import ROOT
from albatross.simulator.chain import Order, Rejected, read_chain
from albatross.simulator.conversation import Backends, Conversation
from albatross.simulator.faults import Kind, kind_of
from albatross.simulator.tls import Gone, TlsStream, reset

log = logging.getLogger(__name__)

HANDSHAKE_TIME = 10.0  # seconds; the original waits for ever, and so would whoever knocks by mistake
MAX_CONNECTIONS = 2000  # at once; more are reset
BACKLOG = 512


class Endpoint:
    """Serves each connection in a task of its own; nothing that comes over one can end another."""

    def __init__(self, backends: Backends, context: ssl.SSLContext, wrong_context: ssl.SSLContext) -> None:
        self._backends = backends
        self._context, self._wrong_context = context, wrong_context
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._sequence = 0

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def listen(self, host: str, port: int) -> int:
        """Listen on *host* and *port* (0: any); the port. Raises ``OSError``."""
        self._server = await asyncio.start_server(self._accept, host, port, backlog=BACKLOG)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def deafen(self) -> None:
        """Listen no more; connections go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        """End everything, also commands that would never be answered."""
        self.deafen()
        connections = list(self._connections)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        faults = self._backends.faults
        if len(self._connections) >= MAX_CONNECTIONS:
            reset(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        context = self._wrong_context if faults.take(Kind.WRONG_CERTIFICATE) else self._context
        stream = TlsStream(context, reader, writer)
        try:
            await self._serve(stream)
        except (Gone, TimeoutError) as error:
            log.debug("a connection ended: %s", error)
        except asyncio.CancelledError:
            log.debug("a connection is cut: the instance stops")
        except Exception:
            log.exception("a command failed in a way that the original does not know")
        finally:
            self._connections.discard(task)
            stream.abort()

    async def _serve(self, stream: TlsStream) -> None:
        async with asyncio.timeout(HANDSHAKE_TIME):
            await self._shake_hands(stream)
        order = self._read(stream)
        if order is not None:
            self._sequence += 1
            await Conversation(self._backends, stream, order, self._sequence).hold()
        await stream.close()

    async def _shake_hands(self, stream: TlsStream) -> None:
        if self._backends.faults.take(Kind.REFUSE):
            await stream.first_bytes()  # so that a client sees it always in the same place
            raise Gone("refused, as asked for")
        try:
            await stream.handshake()
        except Gone:
            await stream.close()  # and not reset: the client is to read the alert
            raise

    def _read(self, stream: TlsStream) -> Order | None:
        try:
            order = read_chain(stream.verified_chain(), datetime.now(UTC))
        except Rejected as rejected:
            log.info("rejected: %s", rejected)
            self._backends.journal.add("rejected", ROOT, detail=str(rejected))
            return None
        self._backends.journal.add("arrived", order.name, command=kind_of(order.command))
        return order
