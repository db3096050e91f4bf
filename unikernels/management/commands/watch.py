"""``manage.py watch``: the watcher process."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from unikernels.metrics import processes
from unikernels.watcher.process import Watcher


class Command(BaseCommand):
    """Look at the instances and follow consoles, until SIGTERM or Ctrl-C."""

    help = "Looks at the instances and follows consoles. Run as many as you like: they share the work."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Run until a signal asks to end; a failure of a part ends it with an error."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        processes.begin("watcher")
        if not Watcher(stop).run():
            raise CommandError("The watcher ended by itself; the log above says why.")
