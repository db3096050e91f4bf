"""One thread that reads the statistics of one instance: the only subscription at its root."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import DatabaseError, connections

from albatross.client import Client, Stream
from albatross.edge import client_for
from albatross.errors import AlbatrossError, Failure
from albatross.messages import Statistics
from albatross.models import Instance
from albatross.names import Name
from mollymawk.errors import ApplicationError
from unikernels.instances.troubles import sentence
from unikernels.models import Unikernel
from unikernels.statistics.rates import Counters, counters_of

log = logging.getLogger(__name__)

Found = dict[Name, Counters]

QUIET = 0.3  # seconds after which an instance has told of all its unikernels
BATCH_TIME = 3.0  # seconds that it may take to tell; the next time is ten seconds later
SILENCE = 60.0  # seconds without a word after which the connection is made anew, if anything runs there
DEGRADED_PAUSE = 10.0  # seconds before it is looked again whether the instance answers
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds before a new try, doubled each time
# A new try throws the other reader out again, which may do the same to us: so these are long.
FIRST_EVICTED_PAUSE, LONGEST_EVICTED_PAUSE = 10.0, 300.0

now = time.time  # our clock, s since 1970

# What a reader sees last when another one takes its place (protocol-observed 4), or Albatross restarts.
_EVICTED = "exception while reading from fd"
EVICTED_WORDS = (
    "Another reader took the statistics of this instance (it gives them to one reader at a time),"
    " or Albatross was restarted."
)


class Feed(threading.Thread):
    """Reads until it is stopped. What came last waits in ``take``; ``trouble`` says why nothing comes.

    *holds* says whether the instance is ours at this moment.
    """

    def __init__(self, instance: int, holds: Callable[[int], bool]) -> None:
        super().__init__(name=f"statistics-{instance}", daemon=True)
        self.instance = instance
        self.trouble = ""
        self._holds = holds
        self._stopped = threading.Event()
        self._stream: Stream[tuple[Name, Statistics]] | None = None
        self._found: tuple[float, Found] | None = None
        self._handing = threading.Lock()
        self._pause, self._evicted_pause = FIRST_PAUSE, FIRST_EVICTED_PAUSE

    def stop(self) -> None:
        """Make it end soon, from any thread."""
        self._stopped.set()
        if stream := self._stream:
            stream.close()

    def take(self) -> tuple[float, Found] | None:
        """The newest counters and when they came (s since 1970), once; what nobody took is replaced."""
        with self._handing:
            found, self._found = self._found, None
        return found

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow()
            except Instance.DoesNotExist:
                self._stopped.set()
            except DatabaseError as error:
                log.warning("statistics of instance %d: %s", self.instance, error)
                self._stopped.wait(LONGEST_PAUSE / 4)
            finally:
                connections.close_all()

    def _follow(self) -> None:
        """One connection, to its end. What keeps the inventory from succeeding is not tried here as well."""
        instance = Instance.objects.get(pk=self.instance)
        connections.close_all()  # the subscription may last for days
        if instance.status == Instance.Status.DEGRADED:
            self.trouble = ""  # the instance's own is told already
            self._stopped.wait(DEGRADED_PAUSE)
            return
        try:
            client = client_for(instance)
            with client.statistics(Name()) as self._stream:
                self._read(client, self._stream)
        except (AlbatrossError, ApplicationError) as error:
            self._broken(error)
        finally:
            self._stream = None

    def _read(self, client: Client, stream: Stream[tuple[Name, Statistics]]) -> None:
        began = asked = time.monotonic()
        while not self._stopped.is_set():
            first = stream.read(SILENCE)
            if first is not None:
                self._hand_over(_batch(stream, first))
            elif stream.closed or self._should_tell():
                return
            moment = time.monotonic()
            if moment - began > LONGEST_EVICTED_PAUSE:
                self._pause, self._evicted_pause = FIRST_PAUSE, FIRST_EVICTED_PAUSE
            if moment - asked > SILENCE:
                asked = moment
                if self._changed(client):
                    return

    def _hand_over(self, found: Found) -> None:
        with self._handing:
            self._found = now(), found
        self.trouble = ""

    def _should_tell(self) -> bool:
        """Whether anything runs there, so that silence is not what it should be."""
        running = Unikernel.objects.filter(instance=self.instance, state=Unikernel.Presence.RUNNING).exists()
        connections.close_all()
        return running

    def _changed(self, client: Client) -> bool:
        """Whether the instance has another address or other credentials now."""
        instance = Instance.objects.get(pk=self.instance)
        connections.close_all()
        return client_for(instance) is not client

    def _broken(self, error: AlbatrossError | ApplicationError) -> None:
        """Tell it, and wait. Who lost the instance says nothing: the watcher that has it took our place."""
        if self._stopped.is_set() or not self._holds(self.instance):
            self._stopped.wait(FIRST_PAUSE)
            return
        evicted = isinstance(error, Failure) and str(error) == _EVICTED
        words, pause = (EVICTED_WORDS, self._evicted_pause) if evicted else (sentence(error), self._pause)
        if words != self.trouble:
            log.warning("statistics of instance %d: %s", self.instance, words)
        self.trouble = words
        if evicted:
            self._evicted_pause = min(2 * pause, LONGEST_EVICTED_PAUSE)
        else:
            self._pause = min(2 * pause, LONGEST_PAUSE)
        self._stopped.wait(pause)


def _batch(stream: Stream[tuple[Name, Statistics]], first: tuple[Name, Statistics]) -> Found:
    """*first* and what comes with it: until it is quiet, or a unikernel comes again."""
    began = time.monotonic()
    found: Found = {}
    item: tuple[Name, Statistics] | None = first
    while item is not None and item[0] not in found and time.monotonic() - began < BATCH_TIME:
        found[item[0]] = counters_of(item[1], began)
        item = stream.read(QUIET)
    return found
