"""Messages are wake-ups: the broker may be away when one is sent."""

from __future__ import annotations

import pytest
from celery import Celery

from mollymawk.celery import WakeUp, app


def test_sending_a_wake_up_never_fails_while_the_broker_is_away(caplog: pytest.LogCaptureFixture) -> None:
    lonely = Celery("lonely", broker="redis://127.0.0.1:1", task_cls=WakeUp, set_as_current=False)
    lonely.conf.task_publish_retry_policy = app.conf.task_publish_retry_policy

    @lonely.task(name="knock")
    def knock() -> None:
        raise AssertionError("nobody is there to run it")

    assert knock.delay() is None
    assert "knock: the broker is away" in caplog.text


def test_everything_on_the_schedule_exists() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


def test_all_tasks_of_ours_are_wake_ups() -> None:
    app.loader.import_default_modules()
    ours = [task for name, task in app.tasks.items() if not name.startswith("celery.")]
    assert ours
    assert all(isinstance(task, WakeUp) for task in ours)


def test_a_message_is_not_delivered_again_while_its_task_runs() -> None:
    assert app.conf.broker_transport_options["visibility_timeout"] > app.conf.task_time_limit
