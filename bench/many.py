"""The list API and the first page with 10,000 unikernels on 100 instances, as a superuser sees them.

Real uvicorn, one process, one kept connection; the rows are those of ``bench.metrics``, and every hundredth
unikernel is a problem. Beside the time that somebody waits stands the time of the processor, which does not
depend on what else the machine does.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import time
from http import HTTPStatus

from bench.fleet import cpu
from bench.metrics import INSTANCES, UNIKERNELS, populate
from bench.surroundings import free_port, project, running
from mollymawk.embedded.probes import healthy
from mollymawk.embedded.programs import HOST, web

LIST = "/api/v1/unikernels/?limit=100"
WARM_UP, REQUESTS = 20, 300
PROBLEMS = 100  # one unikernel in so many is missing
LIST_TARGET = "targets: at most 15 and 60"
DASHBOARD_TARGET = "target: p99 at most 100"


def callers() -> tuple[dict[str, str], dict[str, str]]:
    """The headers of a program and of a browser of a superuser."""
    from accounts.actors import COMMAND, Actor  # noqa: PLC0415  # Django is set up only now
    from accounts.models import Role, Team  # noqa: PLC0415
    from accounts.services import token_issue, user_add  # noqa: PLC0415
    from bench.population import session_of  # noqa: PLC0415
    from unikernels.models import Unikernel  # noqa: PLC0415

    user = user_add(actor=COMMAND, email="bench@example.org", password="only a measurement", superuser=True)
    team = Team.objects.get(name="team-0")
    Unikernel.objects.update(team=team)  # a token sees one team: it shall see everything, too
    Unikernel.objects.filter(pk__in=list(Unikernel.objects.values_list("pk", flat=True))[::PROBLEMS]).update(
        state="missing"
    )
    _, token = token_issue(actor=Actor(user, "session"), team=team, name="bench", role=Role.VIEWER)
    return {"Authorization": f"Bearer {token}"}, {"Cookie": session_of(user)}


class Caller:
    """One kept connection."""

    def __init__(self, port: int, server: int, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=30)
        self._server, self._headers = server, headers

    def get(self, path: str) -> bytes:
        """The body of an answer that has to be good."""
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != HTTPStatus.OK:
            sys.exit(f"{path}: {answer.status} {body[:500].decode(errors='replace')}")
        return body

    def times(self, path: str) -> tuple[float, float, float]:
        """Median and 99th percentile of ``REQUESTS`` answers, and the server's processor for one, ms."""
        for _ in range(WARM_UP):
            self.get(path)
        took, used = [], cpu({self._server})
        for _ in range(REQUESTS):
            start = time.perf_counter()
            self.get(path)
            took.append(1000 * (time.perf_counter() - start))
        at = statistics.quantiles(took, n=100)
        return at[49], at[98], 1000 * (cpu({self._server}) - used) / REQUESTS


def middle(program: Caller) -> str:
    """The address of a page far down the list."""
    path = LIST
    for _ in range(UNIKERNELS // 200):
        path = "/" + json.loads(program.get(path))["next"].split("/", 3)[3]
    return path


def main() -> None:
    """Print the figures beside their targets."""
    with project():
        populate(results=1)
        bearer, cookie = callers()
        port = free_port()
        with running(web(port), ready=lambda: healthy(f"http://{HOST}:{port}/")) as server:
            program, browser = Caller(port, server.pid, bearer), Caller(port, server.pid, cookie)
            print(f"{UNIKERNELS:,} unikernels on {INSTANCES} instances; one web process")
            for what, caller, path, target in (
                ("list, first page of 100", program, LIST, LIST_TARGET),
                ("list, page in the middle", program, middle(program), LIST_TARGET),
                *(
                    (f"list, {filters}", program, f"{LIST}&{filters}", LIST_TARGET)
                    for filters in ("state=missing", "q=7", "check=down", "state=running&ordering=-since")
                ),
                ("dashboard", browser, "/", DASHBOARD_TARGET),
                ("dashboard, problems", browser, "/?only=problems", DASHBOARD_TARGET),
                ("all unikernels", browser, "/unikernels/", DASHBOARD_TARGET),
            ):
                p50, p99, used = caller.times(path)
                print(f"{what}: p50 {p50:.1f} ms, p99 {p99:.1f} ms ({target}); processor {used:.1f} ms")


if __name__ == "__main__":
    main()
