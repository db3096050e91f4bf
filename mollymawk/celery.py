"""The Celery application and its schedule. A message is only ever a wake-up: the row is the truth."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mollymawk.settings")

app = Celery("mollymawk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    # Longer than any task runs: Redis delivers a message again after it. That would be harmless
    # (a second wake-up), but noisy.
    broker_transport_options={"visibility_timeout": 900},
    task_soft_time_limit=600,
    task_time_limit=660,
    beat_schedule={
        "operations-sweep": {"task": "unikernels.operations.tasks.sweep", "schedule": 5.0},
    },
)
app.autodiscover_tasks(["unikernels.operations"])
