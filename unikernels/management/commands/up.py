"""``manage.py up``: everything on this machine, for trying it out, developing and small installations."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from accounts.services import needs_setup, setup_token_issue
from mollymawk.embedded import programs
from mollymawk.embedded.environment import make_private, socket_path
from mollymawk.embedded.probes import alone_in, check_port, healthy, listens
from mollymawk.embedded.supervisor import DidNotStart, StopAsked, Supervisor
from mollymawk.errors import ApplicationError
from mollymawk.health import broker_answers
from unikernels.demo import demo_ensure

# For browsers the same place as 127.0.0.1, but a name: passkeys work at names only.
SITE = "localhost"
FOUNDATION_TIME = 20.0  # seconds that broker, simulated instance and builder may take
WEB_TIME = 60.0  # a first start compiles every module

_HELLO = """
  Mollymawk runs:  {url}
"""
_FIRST = """
  Nobody can log in yet. This link makes you the superuser, once; do not pass it on:

    {url}setup/?token={token}
"""
_BYE = """
  Ctrl-C ends everything; the next start goes on from here. All data is in {folder}
"""


class Command(BaseCommand):
    """Starts web, worker, beat, watcher, broker, a simulated instance and a small builder-web, and keeps them running."""

    help = "Start everything on this machine, on loopback only, and keep it running until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the web server, on 127.0.0.1")
        parser.add_argument(
            "--network",
            type=IPv4Network,
            default=IPv4Network("127.77.0.0/24"),
            help="part of 127.77.0.0/16 for the simulated unikernels",
        )

    def handle(self, *_args: object, port: int, network: IPv4Network, **_options: Any) -> None:
        if sys.platform != "linux":
            raise CommandError("This runs on Linux only: the simulated unikernels need its 127.0.0.0/8.")
        try:
            with alone_in(settings.DATA_DIR):
                check_port(port)
                self._up(port, network)
        except (ImproperlyConfigured, DidNotStart, ApplicationError) as error:
            raise CommandError(str(error)) from error

    def _up(self, port: int, network: IPv4Network) -> None:
        supervisor = Supervisor(self._say)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: supervisor.ask_to_stop())
        try:
            self._start(supervisor, port, network)
            supervisor.run()
        except StopAsked:
            pass
        finally:
            supervisor.stop()

    def _start(self, supervisor: Supervisor, port: int, network: IPv4Network) -> None:
        url = f"http://{SITE}:{port}/"
        os.environ |= {"SITE_URL": url.rstrip("/"), "PYTHONUNBUFFERED": "1"}  # for the children
        settings.STATIC_ROOT.mkdir(exist_ok=True)
        call_command("migrate", verbosity=0)
        self._start_broker(supervisor)
        self._start_demo(supervisor, network)
        for program in (
            programs.worker(),
            programs.background(),
            programs.beat(_folder("beat")),
            programs.watcher(),
            programs.web(port),
        ):
            supervisor.start(program)
        supervisor.wait_for(
            lambda: healthy(f"http://{programs.HOST}:{port}/"), what="The web server", seconds=WEB_TIME
        )
        self._greet(url)
        connections.close_all()

    def _start_broker(self, supervisor: Supervisor) -> None:
        """Ours, unless REDIS_URL names another one."""
        path = socket_path(settings.DATA_DIR)
        if f"unix://{path}" == settings.REDIS_URL:
            make_private(path.parent)
            supervisor.start(programs.broker(path, _folder("broker")))
        supervisor.wait_for(broker_answers, what="The broker", seconds=FOUNDATION_TIME)

    def _start_demo(self, supervisor: Supervisor, network: IPv4Network) -> None:
        """A simulated instance and a simulated builder, and what a newcomer finds there."""
        instance, builder = _folder("simulator"), _folder("builder") / "address"
        supervisor.start(programs.simulated_instance(instance, network))
        supervisor.start(programs.simulated_builder(builder))
        for address, what in ((instance / "address", "instance"), (builder, "builder")):
            supervisor.wait_for(
                partial(_listens, address), what=f"The simulated {what}", seconds=FOUNDATION_TIME
            )
        demo_ensure(folder=instance, network=network, builder=builder.read_text())

    def _greet(self, url: str) -> None:
        self._say(_HELLO.format(url=url))
        if needs_setup():
            self._say(_FIRST.format(url=url, token=setup_token_issue()))
        self._say(_BYE.format(folder=settings.DATA_DIR))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _listens(file: Path) -> bool:
    """Whether somebody takes connections at the address that *file* holds."""
    return file.exists() and listens(file.read_text().strip().removeprefix("http://"))


def _folder(name: str) -> Path:
    folder: Path = settings.DATA_DIR / name
    make_private(folder)
    return folder
