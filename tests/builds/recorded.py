"""Conversations with the real builder-web, and a server that plays them back byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

FILE = Path(__file__).parent.parent / "data" / "builder-web.json"


@cache
def conversations() -> dict[str, dict[str, Any]]:
    """By the number that their id starts with."""
    return {told["id"].split("-")[0]: told for told in json.loads(FILE.read_text())}


def body(number: str) -> Any:
    """The JSON of an answer."""
    return json.loads(conversations()[number]["body"])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        told = self.server.by_target[self.path]  # type: ignore[attr-defined]  # set below
        self.close_connection = True
        self.send_response_only(told["status"])
        for name, value in told["headers"]:
            self.send_header(name, value)
        self.end_headers()
        data = told["body"].encode() if isinstance(told["body"], str) else b""
        chunked = any(name.lower() == "transfer-encoding" for name, _ in told["headers"])
        self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if chunked and data else data)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def playing() -> Iterator[str]:
    """The address of a server that answers what the real one answered to the same targets."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.by_target = {told["path"]: told for told in conversations().values() if told["method"] == "GET"}  # type: ignore[attr-defined]  # read above
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
