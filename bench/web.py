"""How fast the list of unikernels (API) and the dashboard (page) are, with 50 unikernels.

Real uvicorn, kept connections, one token and one session. The targets are what the OCaml original
did on the same kind of machine: 8.4 ms, 173 requests/s, 18.1 ms.
"""

from __future__ import annotations

import http.client
import statistics
import sys
import threading
import time
from http import HTTPStatus

from bench.surroundings import free_port, project, running
from mollymawk.embedded.probes import healthy
from mollymawk.embedded.programs import HOST, web

LIST = "/api/v1/unikernels/"
UNIKERNELS = 50
WARM_UP = 50  # requests that are not counted: imports, templates, caches
REQUESTS = 300
CONNECTIONS = 8
LIST_TARGET = 8.0  # ms, p50, one connection
RATE_TARGET = 175  # requests/s
DASHBOARD_TARGET = 18.0  # ms, p50

Headers = dict[str, str]


class Caller:
    """One kept connection."""

    def __init__(self, port: int, path: str, headers: Headers) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=30)
        self._path, self._headers = path, headers

    def call(self) -> bytes:
        """The body of an answer that has to be good."""
        self._connection.request("GET", self._path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != HTTPStatus.OK:
            sys.exit(f"{self._path}: {answer.status} {body[:500].decode(errors='replace')}")
        return body


def p50(port: int, path: str, headers: Headers) -> float:
    """Milliseconds of the median request on one connection."""
    caller = Caller(port, path, headers)
    for _ in range(WARM_UP):
        caller.call()
    durations = []
    for _ in range(REQUESTS):
        start = time.perf_counter()
        caller.call()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations) * 1000


def rate(port: int, path: str, headers: Headers) -> float:
    """Requests a second over several connections."""
    callers = [Caller(port, path, headers) for _ in range(CONNECTIONS)]

    def work(caller: Caller) -> None:
        for _ in range(REQUESTS // 2):
            caller.call()

    threads = [threading.Thread(target=work, args=(caller,)) for caller in callers]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CONNECTIONS * (REQUESTS // 2) / (time.perf_counter() - start)


def main() -> None:
    """Print the figures beside their targets."""
    with project():
        from bench.population import populate  # noqa: PLC0415  # Django is set up only now

        token, session = populate(UNIKERNELS)
        bearer, cookie = {"Authorization": f"Bearer {token}"}, {"Cookie": session}
        port = free_port()
        with running(web(port), ready=lambda: healthy(f"http://{HOST}:{port}/")):
            body = Caller(port, LIST, bearer).call()
            count = body.count(b'"digest"')
            print(f"list of {count} unikernels, {len(body):,} bytes; one web process")
            print(
                f"list, 1 connection: p50 {p50(port, LIST, bearer):.1f} ms (target: at most {LIST_TARGET:g})"
            )
            print(f"list, {CONNECTIONS} connections: {rate(port, LIST, bearer):.0f} requests/s")
            print(f"dashboard: p50 {p50(port, '/', cookie):.1f} ms (target: at most {DASHBOARD_TARGET:g})")
        port = free_port()
        with running(web(port, processes=2), ready=lambda: healthy(f"http://{HOST}:{port}/")):
            print(
                f"list, {CONNECTIONS} connections, two web processes: {rate(port, LIST, bearer):.0f} requests/s "
                f"(target: at least {RATE_TARGET})"
            )


if __name__ == "__main__":
    main()
