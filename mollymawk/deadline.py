"""A total time limit for an HTTP exchange.

The time limits of requests are for one operation on the socket: a server that sends a byte now and then
would keep us for ever. When the time is over, the socket is shut down under whoever reads from it.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import ConnectionPool


class Deadline:
    """Ends the connections that were made under it after *seconds*; ``over`` tells that it did."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._strike)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._timer.join()
        for handle in self._sockets:
            handle.close()

    def watch(self, connection: socket.socket) -> None:
        """End *connection* too when the time is over (at once, if it is)."""
        handle = connection.dup()  # TLS takes the descriptor out of the socket that it wraps
        with self._lock:
            self._sockets.append(handle)
            if self.over:
                _shut(handle)

    def _strike(self) -> None:
        with self._lock:
            self.over = True
            for handle in self._sockets:
                _shut(handle)


def _shut(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):  # ended already
        handle.shutdown(socket.SHUT_RDWR)


class WatchedAdapter(HTTPAdapter):
    """Makes connections that *deadline* watches."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def get_connection_with_tls_context(
        self, request: PreparedRequest, *arguments: Any, **options: Any
    ) -> ConnectionPool:
        pool: Any = super().get_connection_with_tls_context(request, *arguments, **options)
        # The pool only ever calls it.
        pool.ConnectionCls = functools.partial(_connection, type(pool).ConnectionCls, self._deadline)
        made: ConnectionPool = pool
        return made


def _connection(kind: Callable[..., Any], deadline: Deadline, *arguments: Any, **options: Any) -> Any:
    """A connection of urllib3 whose socket *deadline* watches from its first packet on."""
    connection = kind(*arguments, **options)
    make = connection._new_conn  # noqa: SLF001 - where urllib3 lets the socket be made in another way

    def watched() -> socket.socket:
        made: socket.socket = make()
        deadline.watch(made)
        return made

    connection._new_conn = watched  # noqa: SLF001 - as above
    return connection
