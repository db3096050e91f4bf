"""Newer builds are told once a day, each build once, to those who want it, about what is set to tell."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.mail.services import choice_set
from accounts.mail.tasks import sweep
from accounts.models import Event, Letter, User
from accounts.services import team_create
from tests.api.house import House, runs
from tests.cast import ClientOf
from unikernels.letters import tasks
from unikernels.letters.digest import SHOWN, digest_due, digest_make
from unikernels.models import Build, Builder, Unikernel

pytestmark = pytest.mark.django_db


def build(job: str = "hello", number: int = 1) -> Build:
    builder, _ = Builder.objects.get_or_create(name="robur", url="https://builds.example.org")
    return Build.objects.create(
        builder=builder,
        job=job,
        uuid=f"{job}-{number}",
        platform="debian-12",
        started_at=datetime(2026, 11, number, 10, 12, tzinfo=UTC),
        digest=f"{number:064x}",
    )


def has(unikernel: Unikernel, newest: Build, *, standing: str = "update", mode: str = "tell") -> None:
    Unikernel.objects.filter(pk=unikernel.pk).update(newest=newest, standing=standing, update_mode=mode)


def told(user: User) -> list[str]:
    return [letter.text for letter in user.letters.order_by("pk")]


def test_a_new_build_is_told_once(house: House, alice: User) -> None:
    has(house.unikernel, build())
    assert digest_make() == 1
    assert digest_make() == 0
    (text,) = told(alice)
    assert text == (
        "Newer builds of what runs:\n\n"
        "robur:hello on fra-1: hello, built 2026-11-01 10:12 UTC\n"
        f"  http://127.0.0.1:8000/unikernels/{house.unikernel.pk}/\n\n"
        "Running: all of them, as before\n"
        "To do:   read what changed on the page of each, then upgrade.\n\n"
        "http://127.0.0.1:8000/unikernels/\n"
    )
    assert alice.letters.get().subject == "1 update is available"


def test_the_next_build_is_told_again(house: House, alice: User) -> None:
    has(house.unikernel, build(number=1))
    digest_make()
    has(house.unikernel, build(number=2))
    assert digest_make() == 1
    assert "2026-11-02" in told(alice)[-1]


def test_one_letter_tells_all_of_somebodys_unikernels(house: House, alice: User, dave: User) -> None:
    lab = team_create(actor=SYSTEM, name="lab", owner=alice)
    other = runs(lab, house.instance, house.image.image, "dns")
    has(house.unikernel, build())
    has(other, build("dns"), standing="reconfigure")
    assert digest_make() == 2
    (text,) = told(alice)
    assert "robur:hello on fra-1: hello, built" in text
    assert "lab:dns on fra-1: dns, built 2026-11-01 10:12 UTC\n  It needs another configuration.\n" in text
    assert alice.letters.get().subject == "2 updates are available"
    (text,) = told(dave)
    assert "dns" not in text


@pytest.mark.parametrize(
    ("standing", "mode"),
    [("update", "manual"), ("update", "automatic"), ("current", "tell"), ("rebuilt", "tell"), ("", "tell")],
)
def test_what_is_not_set_to_tell_or_has_no_update_is_not_told(
    standing: str, mode: str, house: House, alice: User
) -> None:
    has(house.unikernel, build(), standing=standing, mode=mode)
    assert digest_make() == 0
    assert told(alice) == []


def test_what_does_not_run_is_not_told(house: House, alice: User) -> None:
    has(house.unikernel, build())
    Unikernel.objects.update(state=Unikernel.Presence.STOPPED)
    assert digest_make() == 0


def test_who_does_not_want_it_gets_none(house: House, alice: User, bob: User) -> None:
    choice_set(user=alice, topic="updates", wanted=False)
    has(house.unikernel, build())
    assert digest_make() == 1
    assert [letter.user for letter in Letter.objects.all()] == [bob]


def test_many_are_counted_and_not_listed(house: House, alice: User) -> None:
    newest = build()
    for number in range(SHOWN + 3):
        has(runs(house.team, house.instance, house.image.image, f"many-{number}"), newest)
    digest_make()
    (text,) = told(alice)
    assert text.count("built 2026") == SHOWN
    assert "And 3 more." in text


def test_the_digest_of_a_day_is_made_after_nine_and_once(house: House) -> None:
    noon = timezone.now().replace(hour=12, minute=0) - timedelta(days=1)
    assert digest_due(noon)
    event = Event(subject="mail:digest", kind="mail.digest", credential="system", at=noon)
    event.save()
    assert not digest_due(noon + timedelta(hours=1))
    assert not digest_due(noon.replace(hour=8, minute=59) + timedelta(days=1))
    assert digest_due(noon.replace(hour=9) + timedelta(days=1))


def test_the_task_makes_it_once_a_day(house: House, alice: User) -> None:
    has(house.unikernel, build())
    assert tasks.digest() == 1
    has(house.unikernel, build(number=2))
    assert tasks.digest() == 0, "it waits for tomorrow"


def test_links_of_the_digest_lead_to_pages(house: House, alice: User, client_of: ClientOf) -> None:
    has(house.unikernel, build())
    digest_make()
    sweep()
    client = client_of(alice)
    links = re.findall(r"http://127\.0\.0\.1:8000(\S+)", str(mail.outbox[0].body))
    assert len(links) == 4
    assert {client.get(link).status_code for link in links} == {200}


def test_it_costs_the_same_for_many_people(
    house: House, alice: User, bob: User, dave: User, django_assert_max_num_queries: Any
) -> None:
    has(house.unikernel, build())
    with django_assert_max_num_queries(20):
        assert digest_make() == 3
