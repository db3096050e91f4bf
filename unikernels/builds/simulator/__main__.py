"""``python -m unikernels.builds.simulator --port 3000``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from unikernels.builds.simulator.seed import seed
from unikernels.builds.simulator.server import serving


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    parser = argparse.ArgumentParser(
        description="A small builder-web on 127.0.0.1, for development and tests."
    )
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    options = parser.parse_args(arguments)
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    try:
        with serving(seed(), options.port) as server:
            print(f"builder-web simulator on {server.url}", flush=True)
            end.wait()
    except OSError as error:
        print(f"port {options.port} cannot be used: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
