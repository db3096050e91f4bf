"""Looking at the instances that this watcher holds, each in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from datetime import timedelta

from django.db import DatabaseError, connections
from django.utils import timezone

from albatross.models import Instance
from unikernels.instances.health import NotWatched
from unikernels.inventory.services import reconcile
from unikernels.quotas.services import apply_pending
from unikernels.watcher.shares import Row

log = logging.getLogger(__name__)

# After a look that failed for a reason nobody foresaw: it must not be repeated every second.
POISON_PAUSE = timedelta(seconds=60)


class Looks:
    """At most one look at an instance at a time; one that hangs keeps no other waiting."""

    def __init__(self, watcher: str) -> None:
        self.watcher = watcher
        self._under_way: dict[int, threading.Thread] = {}

    def begin(self, rows: Iterable[Row]) -> None:
        """Look at those of *rows* whose time has come."""
        self._under_way = {pk: thread for pk, thread in self._under_way.items() if thread.is_alive()}
        now = timezone.now()
        for row in rows:
            if row.next_look <= now and row.pk not in self._under_way:
                thread = threading.Thread(
                    target=self._look, args=(row.pk,), name=f"look-{row.pk}", daemon=True
                )
                self._under_way[row.pk] = thread
                thread.start()

    def wait(self, seconds: float) -> None:
        """Let the looks under way end, but no longer than that."""
        end = time.monotonic() + seconds
        for thread in self._under_way.values():
            thread.join(max(0.0, end - time.monotonic()))

    def _look(self, pk: int) -> None:
        try:
            look(pk, self.watcher)
        except (NotWatched, Instance.DoesNotExist):
            log.info("instance %d: not ours any more", pk)
        except DatabaseError as error:
            log.warning("instance %d: %s", pk, error)
        except Exception:
            Instance.objects.filter(pk=pk).update(next_look_at=timezone.now() + POISON_PAUSE)
            raise
        finally:
            connections.close_all()


def look(pk: int, watcher: str) -> None:
    """One look at an instance, and what becomes possible by it. Raises ``NotWatched``."""
    instance = Instance.objects.get(pk=pk)
    before = instance.status
    if reconcile(instance, watcher=watcher):
        apply_pending(instance)
    if instance.status != before:
        log.info("%s: %s %s", instance, instance.status, instance.trouble_text)
