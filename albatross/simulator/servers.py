"""What a simulated unikernel serves on its own address: HTTP and DNS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from http.client import responses

from albatross.simulator.behaviour import Behaviour, Dns, Http
from albatross.simulator.zone import dns_response

REQUEST_TIME = 20.0  # seconds; longer than who asks waits: what hangs is to look like it
MAX_DATAGRAM = 4096
MAX_CLIENTS = 256  # of one server at once; more are cut off

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Servers:
    """The open sockets of one unikernel; *gate* says of each request whether it is answered.

    ``open`` and ``close`` belong to the running event loop.
    """

    def __init__(self, behaviour: Behaviour, address: str, gate: Callable[[], bool]) -> None:
        self._behaviour = behaviour
        self._address = address
        self._gate = gate
        self._servers: list[asyncio.Server] = []
        self._datagrams: socket.socket | None = None
        self._clients: dict[asyncio.Task[None], asyncio.WriteTransport] = {}
        self._closed = False

    async def open(self) -> list[str]:
        """Listen; what to tell about it on the console. Raises ``OSError``."""
        told = []
        if http := self._behaviour.http:
            await self._listen(http.port, lambda r, w: self._serve_http(http, r, w))
            told.append(f"HTTP server on http://{self._address}:{http.port}/")
        if zone := self._behaviour.dns:
            await self._listen(zone.port, lambda r, w: self._serve_dns(zone, r, w))
            self._listen_for_datagrams(zone)
            told.append(f"DNS server for {zone.zone} on {self._address}:{zone.port}")
        return told

    def close(self) -> None:
        """Close everything at once: the next unikernel may want the same address."""
        self._closed = True
        for server in self._servers:
            server.close()
        for task, transport in self._clients.items():
            transport.abort()
            task.cancel()
        if self._datagrams is not None:
            asyncio.get_running_loop().remove_reader(self._datagrams)
            self._datagrams.close()
            self._datagrams = None

    async def _listen(self, port: int, serve: Serve) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            if self._closed or len(self._clients) >= MAX_CLIENTS:  # it came while we closed
                writer.transport.abort()
                return
            self._clients[task] = writer.transport
            # CancelledError: we close. The others: a client that went away, dawdles or sends too much.
            expected = (OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError)
            with contextlib.suppress(*expected):
                async with asyncio.timeout(REQUEST_TIME):
                    await serve(reader, writer)
            del self._clients[task]
            writer.close()

        self._servers.append(await asyncio.start_server(accept, self._address, port))

    async def _answers(self) -> bool:
        """Whether to answer this request; the silent way that hangs ends with the time limit."""
        if self._gate():
            return True
        if self._behaviour.silence == "hang":
            await asyncio.Event().wait()
        return False

    # --- HTTP ----------------------------------------------------------------------------------

    async def _serve_http(
        self, http: Http, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if await self._answers():
            writer.write(http_response(http, head=request.startswith(b"HEAD ")))
            await writer.drain()

    # --- DNS -----------------------------------------------------------------------------------

    async def _serve_dns(self, zone: Dns, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        response = dns_response(zone, query)
        if response is not None and await self._answers():
            writer.write(len(response).to_bytes(2, "big") + response)
            await writer.drain()

    def _listen_for_datagrams(self, zone: Dns) -> None:
        self._datagrams = datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.setblocking(False)
        datagrams.bind((self._address, zone.port))

        def receive() -> None:
            try:
                query, client = datagrams.recvfrom(MAX_DATAGRAM)
                response = dns_response(zone, query)
                if response is not None and self._gate():
                    datagrams.sendto(response, client)
            except OSError:
                return  # nothing there after all, or a client that went away

        asyncio.get_running_loop().add_reader(datagrams, receive)


def http_response(http: Http, *, head: bool) -> bytes:
    """The whole response; without its body for a HEAD request."""
    body = http.text.encode()
    reason = responses.get(http.status, "Unknown")
    lines = (
        f"HTTP/1.1 {http.status} {reason}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "\r\n",
    )
    return "\r\n".join(lines).encode() + (b"" if head else body)
