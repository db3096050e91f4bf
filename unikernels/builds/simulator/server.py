"""The server: routes, and how answers are sent."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl

from unikernels.builds.simulator import control, replies
from unikernels.builds.simulator.catalogue import Catalogue, SimulatedBuild, SimulatedJob
from unikernels.builds.simulator.comparing import comparison
from unikernels.builds.simulator.faults import Faults, Kind
from unikernels.builds.simulator.replies import Reply

_HOST = "127.0.0.1"
_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_DRIP = 5  # bytes at a time
_ENDLESS = b" " * 65536


class Request:
    """What is looked at of a request."""

    def __init__(self, target: str, headers: Any) -> None:
        self.target = target
        self.path, self.asks, query = target.partition("?")
        self.headers = headers
        pairs = parse_qsl(query, keep_blank_values=True)
        self.query = dict(reversed(pairs))  # of a parameter twice the first counts
        accept = headers.get("Accept") or ""
        self.wants_json = any(part.split(";")[0].strip() == "application/json" for part in accept.split(","))


class Server(ThreadingHTTPServer):
    """A builder-web on 127.0.0.1. ``requests`` holds the method and target of everything that was asked."""

    daemon_threads = True

    def __init__(self, catalogue: Catalogue, port: int = 0) -> None:
        self.catalogue = catalogue
        self.faults = Faults()
        self.requests: list[str] = []
        self.stopping = threading.Event()
        super().__init__((_HOST, port), _Handler)  # closes itself when the port is taken

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.server_address[1]}"

    def server_close(self) -> None:
        self.stopping.set()
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is its own business; anything else is told."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


@contextmanager
def serving(catalogue: Catalogue, port: int = 0) -> Iterator[Server]:
    """A server that answers until the end of the block."""
    server = Server(catalogue, port)
    with running(server):
        yield server


@contextmanager
def running(server: Server) -> Iterator[None]:
    """Let *server* answer until the end of the block, which closes it."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(catalogue: Catalogue, request: Request) -> Reply:
    """What the server says to a GET when nothing goes wrong."""
    for pattern, queries, route in _ROUTES:
        match = pattern.fullmatch(request.path)
        if match and (queries or not request.asks):
            return route(catalogue, request, **match.groupdict()) or replies.not_found()
    return replies.not_found()


def _all_builds(catalogue: Catalogue, request: Request) -> Reply:
    if not request.wants_json:
        return replies.page("Reproducible OPAM builds")
    sections = {
        section: [_job_item(catalogue, job) for job in jobs] for section, jobs in catalogue.jobs().items()
    }
    return replies.as_json(
        {"jobs": [job for jobs in sections.values() for job in jobs], "jobs_by_section": sections}
    )


def _job_item(catalogue: Catalogue, job: SimulatedJob) -> dict[str, Any]:
    latest = catalogue.latest(job.name)
    told: dict[str, Any] = {"name": job.name, "synopsis": job.synopsis}
    if latest and latest.notes:
        told["latest"] = {"uuid": latest.uuid} | latest.notes.as_json()
    return told


def _job(catalogue: Catalogue, request: Request, job: str, failed: str | None) -> Reply | None:
    if not catalogue.knows(job):
        return None
    if not request.wants_json:
        return replies.page(f"Job {job}")
    platform = request.query.get("platform")
    missing = [build for build in catalogue.builds(job, platform) if failed and not build.main_binary]
    return replies.as_json(
        {"builds": [_line(build) for build in (*missing, *catalogue.lines(job, platform))]}
    )


def _line(build: SimulatedBuild) -> dict[str, Any]:
    binary = build.main_binary
    if binary is None:
        return {"uuid": build.uuid, "main_binary": None}
    name = binary.path.removeprefix("bin/")
    told = {"filename": name, "sha256": binary.sha256, "size": len(binary.data)}
    return {"uuid": build.uuid, "main_binary": told}


def _latest(catalogue: Catalogue, request: Request, job: str, rest: str | None) -> Reply | None:
    build = catalogue.latest(job, request.query.get("platform"))
    return replies.redirect(f"/job/{job}/build/{build.uuid}{rest or ''}".rstrip("/"), 307) if build else None


def _build(catalogue: Catalogue, request: Request, job: str, uuid: str) -> Reply | None:
    build = catalogue.build(uuid)
    if build is None:
        return None
    if not request.wants_json:
        return replies.page(f"Job {job} build {uuid}")
    return replies.as_json(build.as_json(job) | (build.notes.as_json() if build.notes else {}))


def _main_binary(catalogue: Catalogue, _request: Request, job: str, uuid: str) -> Reply | None:
    build = catalogue.build(uuid)
    binary = build.main_binary if build else None
    return replies.redirect(f"/job/{job}/build/{uuid.lower()}/f/{binary.path}") if binary else None


def _file(catalogue: Catalogue, request: Request, job: str, uuid: str, path: str) -> Reply | None:
    del job  # the server does not look at it
    build = catalogue.build(uuid)
    artifact = build.artifact(path) if build else None
    return replies.file(artifact, request.headers.get("If-None-Match")) if artifact else None


def _hash(catalogue: Catalogue, request: Request) -> Reply | None:
    match = re.match(r"[0-9A-Fa-f]{64}", request.query.get("sha256", ""))
    build = catalogue.by_hash(match[0].lower()) if match else None
    return replies.redirect(f"/job/{build.job}/build/{build.uuid}") if build else None


def _compare(catalogue: Catalogue, request: Request, left: str, right: str) -> Reply | None:
    builds = catalogue.build(left), catalogue.build(right)
    if builds[0] is None or builds[1] is None:
        return None
    told = comparison(builds[0], builds[1])
    if told is None:
        return None
    return replies.as_json(told) if request.wants_json else replies.page("Comparing builds")


_JOB, _BUILD = r"/job/(?P<job>[^/?]+)", rf"/job/(?P<job>[^/?]+)/build/(?P<uuid>{_UUID})"
_Route = Callable[..., Reply | None]
# Path, whether it admits a query, what answers. One slash at the end is fine everywhere but after a file.
_ROUTES: tuple[tuple[re.Pattern[str], bool, _Route], ...] = (
    (re.compile(r"/(?:all-builds/?)?"), False, _all_builds),
    (re.compile(rf"{_JOB}(?P<failed>/failed)?/?"), True, _job),
    (re.compile(rf"{_JOB}/build/latest(?P<rest>/.*)?"), True, _latest),
    (re.compile(rf"{_BUILD}/?"), True, _build),
    (re.compile(rf"{_BUILD}/main-binary/?"), True, _main_binary),
    (re.compile(rf"{_BUILD}/f/(?P<path>.+)"), True, _file),
    (re.compile(r"/hash/?"), True, _hash),
    (re.compile(rf"/compare/(?P<left>{_UUID})/(?P<right>{_UUID})/?"), False, _compare),
)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds for a request to arrive

    @property
    def _server(self) -> Server:
        return cast("Server", self.server)

    def do_GET(self) -> None:
        request = Request(self.path, self.headers)
        self._server.requests.append(f"GET {self.path}")
        if request.path.startswith(control.PREFIX):
            self._send(control.answer(self._server.catalogue, self._server.faults, "GET", request.path, b""))
            return
        faults = self._server.faults.strike(self.path)
        if Kind.SLOW in faults:
            self._server.stopping.wait(faults[Kind.SLOW].seconds)
        if Kind.CLOSE in faults:
            self.close_connection = True
            return
        reply = replies.spoiled(answer(self._server.catalogue, request), faults, self.path)
        cut = faults.get(Kind.CUT)
        drip = faults.get(Kind.DRIP)
        limit = None if cut is None else len(reply.body) // 2 if cut.after is None else cut.after
        self._send(reply, limit=limit, pause=drip.seconds if drip else 0, endless=Kind.ENDLESS in faults)

    def do_HEAD(self) -> None:
        """No route knows it, and the answer has a body nevertheless."""
        self._server.requests.append(f"{self.command} {self.path}")
        self._send(replies.not_found())

    do_PUT = do_OPTIONS = do_HEAD  # noqa: N815 - the names that the base class looks for

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), control.MAX_BODY))
        if self.path.startswith(control.PREFIX):
            self._send(
                control.answer(self._server.catalogue, self._server.faults, self.command, self.path, body)
            )
        else:
            self.do_HEAD()

    do_DELETE = do_POST  # noqa: N815 - as above

    def _send(
        self, reply: Reply, *, limit: int | None = None, pause: float = 0, endless: bool = False
    ) -> None:
        self.close_connection = True
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            if not (endless and name == "content-length"):
                self.send_header(name, value)
        self.end_headers()
        if endless:
            self._send_for_ever(chunked=reply.chunked)
        for piece in replies.pieces(reply, limit, _DRIP if pause else replies.CHUNK):
            self.wfile.write(piece)
            if pause and self._server.stopping.wait(pause):
                return
        if reply.chunked and limit is None:
            self.wfile.write(b"0\r\n\r\n")

    def _send_for_ever(self, *, chunked: bool) -> None:
        piece = b"%x\r\n%b\r\n" % (len(_ENDLESS), _ENDLESS) if chunked else _ENDLESS
        while not self._server.stopping.is_set():
            self.wfile.write(piece)

    def log_message(self, *_arguments: object) -> None:
        """Nothing: ``Server.requests`` tells it."""
