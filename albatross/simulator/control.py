"""How people reach into a running simulated instance: a unix socket in its folder.

One line of JSON each way: ``{"verb": "fault", "kind": "refuse", "times": 3}`` and
``{"verb": "faults" | "clear" | "status"}``, ``{"verb": "journal", "what": "started"}`` (also ``name``
and ``command``, as in ``Journal.records``); the answer has ``"error"`` or what was asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from albatross.simulator.faults import Fault
from albatross.simulator.instance import Instance

SOCKET = "control.sock"
MAX_REQUEST = 64 * 1024
MAX_ANSWER = 16 * 2**20  # bytes: a full journal
TIME = 5.0  # seconds for a request and its answer


class Control:
    """The server side, on the event loop of the instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._server: asyncio.Server | None = None
        self._verbs: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "fault": self._fault,
            "faults": self._faults,
            "clear": self._clear,
            "status": self._status,
            "journal": self._journal,
        }

    async def open(self, folder: Path) -> None:
        """Listen in *folder*. Raises ``OSError``."""
        with _reachable(folder) as path:
            self._server = await asyncio.start_unix_server(self._serve, path, limit=MAX_REQUEST)
            Path(path).chmod(0o600)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIME):
                answer = self._answer(await reader.readline())
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):  # a client that went away, dawdles, or sends too much
            writer.transport.abort()
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            return self._verbs[request.pop("verb")](request)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _fault(self, request: dict[str, Any]) -> dict[str, Any]:
        self._instance.faults.add(Fault(**request))
        return self._faults({})

    def _faults(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {"faults": [asdict(fault) | {"times": left} for fault, left in self._instance.faults.due()]}

    def _clear(self, _request: dict[str, Any]) -> dict[str, Any]:
        self._instance.faults.clear()
        return self._faults({})

    def _status(self, _request: dict[str, Any]) -> dict[str, Any]:
        guests = self._instance.backends.daemon.guests.values()
        running = {str(guest.name): guest.address for guest in guests}
        readers = self._instance.backends.consoles.readers()
        status = {"address": self._instance.address, "running": running, "readers": readers}
        return status | self._faults({})

    def _journal(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"records": [asdict(record) for record in self._instance.journal.records(**request)]}


def ask(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """The answer of the instance whose state is in *folder*. Raises ``OSError`` when none runs there."""
    with _reachable(folder) as path, socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIME)
        connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as answer:
            told: dict[str, Any] = json.loads(answer.readline(MAX_ANSWER) or b'{"error": "no answer"}')
            return told


@contextlib.contextmanager
def _reachable(folder: Path) -> Iterator[str]:
    """A short path to the socket: those of unix sockets may have 107 bytes only."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET}"
    finally:
        os.close(handle)
