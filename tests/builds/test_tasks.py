"""The sweep: what is due is woken, whatever was lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actors import SYSTEM
from tests.builds.test_polling import Fleet, digest_of, fleet, shown
from unikernels.builds import services, tasks
from unikernels.builds.simulator.server import Server
from unikernels.models import Builder, Lookup, Unikernel

__all__ = ["fleet"]


class Woken:
    """Runs what was sent to workers, and remembers it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.polled: list[int] = []
        self.answered: list[int] = []
        monkeypatch.setattr(tasks.poll, "delay", self.poll)
        monkeypatch.setattr(tasks.answer, "delay", self.answer)

    def poll(self, pk: int) -> None:
        self.polled.append(pk)
        tasks.poll(pk)

    def answer(self, pk: int) -> None:
        self.answered.append(pk)
        tasks.answer(pk)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch, redis_server: str) -> Woken:
    return Woken(monkeypatch)


def test_sweeps_poll_once_and_tell_what_runs_something_else(
    builder: Server, robur_coop: Builder, fleet: Fleet, woken: Woken
) -> None:
    old, new = (digest_of(builder.catalogue.builds("hello")[number]) for number in (2, 0))
    unikernel, _ = fleet.runs(old), fleet.runs(new)
    for _ in range(3):
        tasks.sweep()
    assert woken.polled == [robur_coop.pk]
    assert shown(unikernel)[0] == "update"
    Unikernel.objects.filter(pk=unikernel.pk).update(digest=new)
    tasks.sweep()
    assert shown(unikernel) == ("current", None)
    assert woken.polled == [robur_coop.pk]


def test_the_sweep_wakes_a_question_whose_message_was_lost(robur_coop: Builder, woken: Woken) -> None:
    lookup = services.ask(actor=SYSTEM, builder=robur_coop, what=Lookup.What.JOBS)
    tasks.sweep()
    assert woken.answered == []
    Lookup.objects.update(asked_at=timezone.now() - tasks.LOST_AFTER - timedelta(seconds=1))
    tasks.sweep()
    assert woken.answered == [lookup.pk]
    assert not Lookup.objects.get().trouble_text
    tasks.sweep()
    assert woken.answered == [lookup.pk]


def test_with_nothing_to_ask_nobody_is_asked(builder: Server, robur_coop: Builder, woken: Woken) -> None:
    tasks.sweep()
    assert woken.polled == woken.answered == []
    assert builder.requests == []
