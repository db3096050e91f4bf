"""The Celery application and its schedule. A message is only ever a wake-up: the row is the truth."""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import Celery, Task
from celery.result import AsyncResult
from celery.signals import worker_process_init
from kombu.exceptions import OperationalError

from mollymawk.embedded.tether import die_with

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mollymawk.settings")

log = logging.getLogger(__name__)


class WakeUp(Task):  # type: ignore[type-arg]  # its arguments are anybody's
    """A task whose message may be lost: while the broker is away nobody is told, and nothing fails.

    What is due stands in the database, and the sweep finds it when the broker is back. So a person's
    request does not fail after its row was committed.
    """

    def apply_async(  # type: ignore[override]  # it takes whatever the original takes
        self, *args: Any, **kwargs: Any
    ) -> AsyncResult[Any] | None:
        try:
            return super().apply_async(*args, **kwargs)
        except OperationalError as error:
            log.warning("%s: the broker is away, the sweep will see to it: %s", self.name, error)
            return None


app = Celery("mollymawk", task_cls=WakeUp)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0.2},
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,  # mail without a server is printed, as it is
    worker_cancel_long_running_tasks_on_connection_loss=False,  # they do not need the broker to go on
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # however long the broker stays away
    # What others' servers can keep waiting has workers of its own; operations never wait for it.
    task_routes={
        "unikernels.operations.tasks.download": {"queue": "background"},
        "accounts.invitations.*": {"queue": "background"},
        "accounts.audit.*": {"queue": "background"},
        "accounts.mail.*": {"queue": "background"},
        "accounts.publishers.*": {"queue": "background"},
        "mollymawk.rest.*": {"queue": "background"},
        "unikernels.alerts.*": {"queue": "background"},
        "unikernels.builds.*": {"queue": "background"},
        "unikernels.checks.*": {"queue": "background"},
        "unikernels.images.*": {"queue": "background"},
        "unikernels.letters.*": {"queue": "background"},
        "unikernels.statistics.*": {"queue": "background"},
        "unikernels.webhooks.*": {"queue": "background"},
    },
    beat_schedule={
        "operations-sweep": {"task": "unikernels.operations.tasks.sweep", "schedule": 5.0},
        "windows-sweep": {"task": "unikernels.windows.tasks.sweep", "schedule": 5.0},
        "checks-sweep": {"task": "unikernels.checks.tasks.sweep", "schedule": 5.0},
        "builds-sweep": {"task": "unikernels.builds.tasks.sweep", "schedule": 5.0},
        "updates-round": {"task": "unikernels.updates.tasks.round", "schedule": 30.0},
        "alerts-sweep": {"task": "unikernels.alerts.tasks.sweep", "schedule": 30.0},
        "alerts-prune": {"task": "unikernels.alerts.tasks.prune", "schedule": 3600.0},
        "audit-extend": {"task": "accounts.audit.tasks.extend", "schedule": 60.0},
        "audit-prune": {"task": "accounts.audit.tasks.prune", "schedule": 3600.0},
        "publishers-prune": {"task": "accounts.publishers.tasks.prune", "schedule": 3600.0},
        "api-prune": {"task": "mollymawk.rest.tasks.prune", "schedule": 3600.0},
        "mail-sweep": {"task": "accounts.mail.tasks.sweep", "schedule": 5.0},
        "invitations-prune": {"task": "accounts.invitations.tasks.prune", "schedule": 3600.0},
        "mail-digest": {"task": "unikernels.letters.tasks.digest", "schedule": 600.0},
        "mail-prune": {"task": "accounts.mail.tasks.prune", "schedule": 3600.0},
        "statistics-fold": {"task": "unikernels.statistics.tasks.fold", "schedule": 300.0},
        "webhooks-sweep": {"task": "unikernels.webhooks.tasks.sweep", "schedule": 5.0},
        "webhooks-prune": {"task": "unikernels.webhooks.tasks.prune", "schedule": 3600.0},
        "images-sweep": {"task": "unikernels.images.tasks.sweep", "schedule": 3600.0},
    },
)
app.autodiscover_tasks(
    [
        "accounts.invitations",
        "accounts.audit",
        "accounts.mail",
        "accounts.publishers",
        "mollymawk.rest",
        "unikernels.alerts",
        "unikernels.builds",
        "unikernels.checks",
        "unikernels.images",
        "unikernels.letters",
        "unikernels.operations",
        "unikernels.statistics",
        "unikernels.updates",
        "unikernels.webhooks",
        "unikernels.windows",
    ]
)

_parent = os.getpid()  # read before the pool's processes are made, which inherit it


@worker_process_init.connect
def _tether(**_: object) -> None:
    """A process of the pool ends with its worker, also when that one is killed: no orphan goes on."""
    die_with(_parent)
