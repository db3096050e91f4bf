"""The whole application under uvicorn, in a thread: pages, API and console streams."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn


@contextmanager
def serving() -> Iterator[str]:
    """The address of a server that ends with the block, and its streams with it."""
    from mollymawk.asgi import application

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application,
        http="h11",
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=1,
        loop="asyncio",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listening.close()
    assert not thread.is_alive()
