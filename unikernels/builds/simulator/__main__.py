"""``python -m unikernels.builds.simulator --port 3000``.

With ``--address-file FILE`` it takes the port of the last time, as long as that is free, and writes its URL there.
What was published in between is gone: each start begins with the same jobs and builds.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from unikernels.builds.simulator.seed import seed
from unikernels.builds.simulator.server import Server, running


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    parser = argparse.ArgumentParser(
        description="A small builder-web on 127.0.0.1, for development and tests."
    )
    parser.add_argument("--port", type=int, help="default: that of the last time, else a free one")
    parser.add_argument("--address-file", type=Path, help="where its URL is written to")
    options = parser.parse_args(arguments)
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    try:
        server = _server(options.port, options.address_file)
    except OSError as error:
        print(f"port {options.port} cannot be used: {error}", file=sys.stderr)
        return 1
    with running(server):
        if options.address_file is not None:
            _write(options.address_file, server.url)
        print(f"builder-web simulator on {server.url}", flush=True)
        end.wait()
    return 0


def _server(port: int | None, address: Path | None) -> Server:
    catalogue = seed()
    if port is None and address is not None and (last := _last_port(address)):
        try:
            return Server(catalogue, last)
        except OSError as error:
            print(f"port {last} of the last time cannot be used: {error}", file=sys.stderr)
    return Server(catalogue, port or 0)


def _last_port(address: Path) -> int:
    try:
        return int(address.read_text().rpartition(":")[2])
    except (FileNotFoundError, ValueError):
        return 0  # the first start


def _write(address: Path, url: str) -> None:
    """Whole or not at all: somebody waits for it."""
    aside = address.with_suffix(".new")
    aside.write_text(url)
    aside.replace(address)


if __name__ == "__main__":
    sys.exit(main())
