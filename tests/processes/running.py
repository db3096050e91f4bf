"""``manage.py up`` as a process of its own, and what tests want to know of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import requests
from django.conf import settings

from albatross.simulator.control import ask
from mollymawk.embedded.environment import prepare, socket_path
from mollymawk.embedded.probes import healthy
from mollymawk.embedded.tether import die_with
from tests import postgresql

ROOT = Path(__file__).resolve().parents[2]
MANAGE = ROOT / "manage.py"
PROGRAMS = ("broker", "simulator", "builder", "worker", "background", "beat", "watcher", "web")

# Seconds. Nobody measures it: it ends a test that hangs.
ENOUGH = 120.0
# Seconds between two looks, longer each time: to look is work, and what takes long is not told to the hundredth.
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
T = TypeVar("T")


def wait_for(look: Callable[[], T | None], what: str, seconds: float = ENOUGH) -> T:
    """The first thing that *look* gives which is neither None nor False."""
    end, pause = time.monotonic() + seconds, FIRST_PAUSE
    while True:
        if found := look():
            return found
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(pause)
        pause = min(pause * 1.2, LONGEST_PAUSE)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def exists(pid: int) -> bool:
    """Whether this process is there and no corpse."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(pid: int) -> set[int]:
    """All processes below *pid*."""
    found: set[int] = set()
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return found
    for child in map(int, below):
        found |= {child} | descendants(child)
    return found


class Up:
    """One installation in *folder*. ``start`` it, as often as you like, and ``stop`` it."""

    def __init__(self, folder: Path, network: str, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.network = network
        self.url = f"http://localhost:{self.port}"  # a name: passkeys work at names only
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._api: Api | None = None
        self._environment = environment | _database()

    @property
    def environment(self) -> Mapping[str, str]:
        """That of the process: nothing of the tests' own."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {"DATA_DIR": str(self.folder), "INVENTORY_SECONDS": "1"} | self._environment

    def start(self) -> None:
        """Start it and wait until everything works."""
        self.launch()
        self.wait_for_line("Mollymawk runs")
        self.wait_for_worker()

    def wait_for_worker(self) -> None:
        """Wait until the worker's own processes are there."""
        wait_for(lambda: len(descendants(self.pid("worker"))) == 2, "the worker's processes")

    def launch(self) -> None:
        """Start it."""
        parent = os.getpid()
        self.lines = []
        command = [sys.executable, str(MANAGE), "up", "--port", str(self.port), "--network", self.network]
        self.process = subprocess.Popen(
            command,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=lambda: die_with(parent),  # noqa: PLW1509  # it calls the kernel, nothing else
        )
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self.lines.append(line.rstrip("\n"))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(number)
        return self.process.wait(ENOUGH)

    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for_line(self, text: str, *, after: int = 0) -> str:
        """The first line with *text*, of those from number *after* on."""

        def found() -> str | None:
            assert self.process is not None
            lines = [line for line in self.lines[after:] if text in line]
            if not lines and self.process.poll() is not None:
                raise AssertionError(f"it ended without {text!r}:\n{self.output()}")
            return lines[0] if lines else None

        try:
            return wait_for(found, text)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.output()}") from error

    def pid(self, program: str) -> int:
        """The present process of *program*."""
        pattern = re.compile(rf"{program} *\| started as process (\d+)")
        return int([found[1] for line in self.lines if (found := pattern.search(line))][-1])

    def kill(self, program: str) -> int:
        """``kill -9`` for *program*, and wait until another process is there and all is well; its id."""
        before, seen = self.pid(program), len(self.lines)
        os.kill(before, signal.SIGKILL)
        self.wait_for_line("| was killed by SIGKILL", after=seen)
        wait_for(lambda: self.pid(program) != before and len(self.lines) > seen, f"{program} again")
        wait_for(self.healthy, "health")
        return self.pid(program)

    def healthy(self) -> bool:
        """Whether the web server answers, and reaches database and broker."""
        return healthy(f"{self.url}/")

    def manage(self, *command: str, given: str = "") -> str:
        """What ``manage.py`` says to *command*; it has to succeed."""
        done = self.run(*command, given=given)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def run(self, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """``manage.py`` with *command*, however it ends."""
        return subprocess.run(
            [sys.executable, MANAGE, *command],
            env=dict(self.environment),
            input=given,
            capture_output=True,
            text=True,
            timeout=ENOUGH * 2,
            check=False,
        )

    @property
    def broker_url(self) -> str:
        """Where the broker is, as Redis clients write it."""
        return f"unix://{socket_path(self.folder)}"

    @property
    def broker(self) -> str:
        """The same, as Celery writes it."""
        return f"redis+socket://{socket_path(self.folder)}"

    @contextlib.contextmanager
    def beside(self, module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Another process of the installation: ``python -m`` *module*, until the end of the block."""
        parent = os.getpid()
        environment = dict(self.environment)
        prepare(environment, self.folder, make=False)
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: die_with(parent),  # noqa: PLW1509  # it calls the kernel, nothing else
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def instance(self, verb: str, **words: Any) -> dict[str, Any]:
        """Reach into the simulated instance."""
        return ask(self.folder / "simulator", {"verb": verb} | words)

    def api(self) -> Api:
        """The API with a token of the team ``demo``; at first makes the superuser for it."""
        if self._api is None:
            self.become_superuser()
            token = self.manage("token_add", "test", "--team", "demo", "--user", EMAIL).strip()
            self._api = Api(self.url, token)
        return self._api

    def become_superuser(self) -> None:
        """Follow the printed link."""
        link = next(line.strip() for line in self.lines if "/setup/?token=" in line)
        browser = requests.Session()
        page = browser.get(link, timeout=ENOUGH)
        assert page.status_code == 200, page.text
        form = {"token": link.partition("token=")[2], "email": EMAIL, "password": PASSWORD, "again": PASSWORD}
        form["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
        answer = browser.post(link, data=form, timeout=ENOUGH, allow_redirects=False)
        assert answer.status_code == 302, answer.text


EMAIL, PASSWORD = "first@example.org", "albatross over the sea"


class Api:
    """A program with a token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = f"{url}/api/v1"
        self.token = token
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **query: str) -> Any:
        answer = requests.get(self.url + path, params=query, headers=self._headers, timeout=ENOUGH)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None) -> requests.Response:
        return requests.post(self.url + path, json=body or {}, headers=self._headers, timeout=ENOUGH)

    def upload(self, image: bytes, name: str) -> str:
        """The digest of *image*, which the team has now."""
        headers = self._headers | {"Content-Type": "application/octet-stream"}
        path = f"{self.url}/images/?name={name}"
        answer = requests.post(path, data=image, headers=headers, timeout=ENOUGH)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["digest"])


def _database() -> dict[str, str]:
    """A new database of the kind that the tests run on."""
    if settings.TEST_DATABASE != "postgresql":
        return {}
    postgresql.start()
    return {"DATABASE_URL": postgresql.new_database(f"up_{uuid.uuid4().hex}")}


def listening_addresses(pid: int) -> Iterator[str]:
    """Every address on which *pid* takes TCP connections or gets datagrams."""
    links = (str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink())
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]:
            words = line.split()
            # States: 0A listening (TCP), 07 unconnected (UDP).
            if words[9] in inodes and words[3] in {"0A", "07"}:
                yield _address(words[1].partition(":")[0])


def _address(text: str) -> str:
    """The kernel prints 32-bit words as the machine holds them: turn each around."""
    data = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)
