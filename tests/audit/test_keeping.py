"""What was kept long enough goes, in whole links, and the rest stays verifiable."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.audit import services
from accounts.audit.models import Link
from accounts.audit.verify import verify
from accounts.events import record
from accounts.models import Event
from tests.audit.conftest import Sql


@pytest.fixture
def aged(log: list[int], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The log, 500 days later, with one event of that day."""
    later = timezone.now() + timedelta(days=500)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    Event.objects.create(at=later, credential="system", kind="new", subject="x")
    services.extend()
    return log


def test_old_events_go_and_an_event_tells_of_it(aged: list[int]) -> None:
    before = Event.objects.count()
    gone = services.prune()
    assert gone > len(aged) - 4
    left = Event.objects.order_by("id")
    assert {"new", services.PRUNED} <= set(left.values_list("kind", flat=True))
    assert left.count() == before - gone + 1
    told = left.get(kind=services.PRUNED)
    anchor = Link.objects.first()
    assert anchor is not None
    assert told.data == {"number": anchor.number, "hash": anchor.hash, "last": anchor.last, "events": gone}
    services.extend()
    assert verify(anchors={anchor.number: anchor.hash}).flaws == []
    assert services.prune() == 0


def test_the_next_pruning_moves_the_anchor(aged: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    services.prune()
    services.extend()
    much_later = timezone.now() + timedelta(days=500)
    monkeypatch.setattr("django.utils.timezone.now", lambda: much_later)
    assert services.prune() > 0
    assert list(Event.objects.values_list("kind", flat=True)) == [services.PRUNED]
    assert Link.objects.filter(pruned_at__isnull=False).count() == Link.objects.count() == 1
    services.extend()
    assert verify().flaws == []


def test_young_events_stay(log: list[int]) -> None:
    assert services.prune() == 0
    assert Event.objects.filter(pk__in=log).count() == len(log)


def test_a_pruning_that_is_not_ours_is_found_out(aged: list[int], sql: Sql) -> None:
    sql("UPDATE accounts_link SET leaves = %s, pruned_at = made_at WHERE number = 2", b"")
    sql("DELETE FROM accounts_link WHERE number < 2")
    sql("DELETE FROM accounts_event WHERE id <= (SELECT last FROM accounts_link WHERE number = 2)")
    flaws = verify().flaws
    assert [flaw.text for flaw in flaws] == [
        "the events up to here are gone, and no event tells that they were pruned"
    ]


def test_what_is_put_where_events_were_pruned_is_found_out(aged: list[int], sql: Sql) -> None:
    services.prune()
    newest = Event.objects.latest("id")
    sql("UPDATE accounts_event SET id = %s WHERE id = %s", aged[0], newest.pk)
    assert (aged[0], "stands among events that were pruned") in {
        (flaw.event, flaw.text) for flaw in verify().flaws
    }


def test_two_links_with_one_number_cannot_be(log: list[int]) -> None:
    last = Link.objects.latest("number")
    record(actor=SYSTEM, kind="new", subject="x")
    rival = Link(number=last.number + 1, last=1, newest_at=last.newest_at, leaves=b"", previous="", hash="")
    rival.save()
    head, services_head = services.head(), services.head
    assert head is not None
    try:
        services.head = lambda: last  # whoever comes second saw this head
        assert services.extend() == 0
    finally:
        services.head = services_head
    assert Link.objects.count() == head.number


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_an_event_that_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL a smaller number may be seen after a larger one."""
    from accounts.audit import settled

    monkeypatch.setattr(settled, "PATIENCE", 0.0)
    late: Any = connection.copy()
    try:
        late.set_autocommit(False)
        with late.cursor() as cursor:
            cursor.execute(
                "INSERT INTO accounts_event (at, credential, subject, kind, was, now, reason, data)"
                " VALUES (now(), 'system', 'x', 'late', '', '', '', '{}')"
            )
        record(actor=SYSTEM, kind="early", subject="x")
        assert settled.settled() == 0
        assert services.extend() == 0
        late.commit()
        assert services.extend() == Event.objects.count()
        assert verify().flaws == []
    finally:
        late.close()
