"""One thread that follows the console of one unikernel into its Redis stream."""

from __future__ import annotations

import logging
import math
import threading
import time

from django.db import DatabaseError, connections
from django.utils import timezone

from albatross.client import Stream
from albatross.edge import client_for
from albatross.errors import AlbatrossError, Failure
from albatross.messages import ConsoleLine, Timestamp
from mollymawk.errors import ApplicationError
from unikernels.consoles import streams
from unikernels.consoles.seam import REMEMBERED, Seam
from unikernels.consoles.text import visible
from unikernels.instances.troubles import sentence
from unikernels.models import Unikernel
from unikernels.quotas.services import policies_for
from unikernels.redis import RedisError

log = logging.getLogger(__name__)

QUIET = 0.2  # seconds without a line after which all there was has been told
HISTORY = 1.0  # seconds after which it has been, for a console that is never quiet
IDLE = 5.0  # seconds between two renewals of the state of a quiet console
BATCH = 500  # lines written together
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds before a new try, doubled each time
AWAY_PAUSE = 3.0  # until our own broker or database is asked again
EVICTED_PAUSE = 10.0  # at least: a new try throws somebody else out again

# What a reader sees last when another one takes its place (protocol-observed 25), or Albatross restarts.
_EVICTED = "exception while reading from fd"
_EVICTED_WORDS = "Another reader took the place of this one, or Albatross was restarted."


class Follower(threading.Thread):
    """Follows until it is stopped. Whatever goes wrong is told to those who look, and tried again."""

    def __init__(self, unikernel: int) -> None:
        super().__init__(name=f"console-{unikernel}", daemon=True)
        self.unikernel = unikernel
        self._stopped = threading.Event()
        self._stream: Stream[ConsoleLine] | None = None
        self._seam: Seam | None = None
        self._connected_at = math.inf
        self._pause = FIRST_PAUSE
        self._told = ""  # what those who look believe to be wrong

    def stop(self) -> None:
        """Make it end soon, from any thread."""
        self._stopped.set()
        if stream := self._stream:
            stream.close()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow()
            except Unikernel.DoesNotExist:
                self._stopped.set()
            except (RedisError, DatabaseError) as error:
                log.warning("console %d: %s", self.unikernel, error)
                self._seam = None  # a broker that comes back may have lost what was written
                self._stopped.wait(AWAY_PAUSE)
            finally:
                connections.close_all()

    def _follow(self) -> None:
        """One connection, to its end."""
        try:
            with self._open() as self._stream:
                self._read(self._stream)
            streams.clear_state(self.unikernel)
        except (AlbatrossError, ApplicationError) as error:
            self._broken(error)
        finally:
            self._stream = None

    def _open(self) -> Stream[ConsoleLine]:
        unikernel = Unikernel.objects.select_related("instance").get(pk=self.unikernel)
        name, instance = unikernel.full_name, unikernel.instance
        policies = policies_for(instance, name.path)
        connections.close_all()  # the subscription may last for days
        if self._seam is None:
            written = streams.newest(self.unikernel, REMEMBERED)
            self._seam = Seam((line.milliseconds, line.text) for line in written if not line.notice)
        since = self._seam.begin()
        count, start = (REMEMBERED, None) if since is None else (None, Timestamp(since))
        return client_for(instance).console(name, count=count, since=start, policy=policies)

    def _read(self, stream: Stream[ConsoleLine]) -> None:
        """Write what comes, and say so once all there was has been written."""
        self._connected_at = time.monotonic()
        told_all = False
        while not self._stopped.is_set():
            line = stream.read(IDLE if told_all else QUIET)
            if line is not None:
                self._write(self._batch(stream, line))
            if not told_all and (line is None or time.monotonic() - self._connected_at > HISTORY):
                told_all = True
                self._healthy()
            if told_all:
                streams.set_state(self.unikernel, streams.FOLLOWING)

    def _batch(self, stream: Stream[ConsoleLine], first: ConsoleLine) -> list[tuple[int, str]]:
        """*first* and what has come with it."""
        lines = []
        line: ConsoleLine | None = first
        while line is not None:
            lines.append((max(0, line.timestamp.milliseconds), visible(line.text)))
            line = stream.read(0) if len(lines) < BATCH else None
        return lines

    def _write(self, lines: list[tuple[int, str]]) -> None:
        assert self._seam is not None
        if self._seam.gap(lines[0]):
            streams.append_gap(self.unikernel, timezone.now())
        if fresh := [line for line in lines if self._seam.fresh(line)]:
            streams.append(self.unikernel, fresh)

    def _healthy(self) -> None:
        if self._told:
            streams.append_notice(self.unikernel, timezone.now(), "Following again.")
        self._told = ""

    def _broken(self, error: AlbatrossError | ApplicationError) -> None:
        """Tell it once, and wait."""
        if self._stopped.is_set():
            return
        if time.monotonic() - self._connected_at > LONGEST_PAUSE:
            self._pause = FIRST_PAUSE
        self._connected_at = math.inf
        evicted = isinstance(error, Failure) and str(error) == _EVICTED
        words = _EVICTED_WORDS if evicted else sentence(error)
        pause = max(self._pause, EVICTED_PAUSE if evicted else 0.0)
        streams.set_state(self.unikernel, streams.BROKEN)  # before it is told: readers look at both
        if words != self._told:
            log.info("console %d: %s", self.unikernel, words)
            streams.append_notice(self.unikernel, timezone.now(), f"{words} Trying again in {pause:.0f} s.")
        self._told = words
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._stopped.wait(pause)
