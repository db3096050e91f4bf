"""The admin of checks, freezes, rollback windows and mail: to read and to find, at the same cost for many."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Letter, MailChoice, Team
from tests.cast import person
from tests.pages.care import TCP, check_of, results
from tests.pages.world import World
from unikernels.models import Check, Freeze, RollbackWindow

LISTS = (
    "unikernels_check",
    "unikernels_checkresult",
    "unikernels_freeze",
    "unikernels_rollbackwindow",
    "accounts_mailchoice",
    "accounts_letter",
)
Fill = Callable[[int, int], None]


@pytest.fixture
def fill(world: World) -> Fill:
    """``fill(first, last)``: one more of everything for each number."""
    things = iter((world.web, world.tunnel, world.dns, world.store, world.caldav, world.old, world.outside))

    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            user = person(f"p{number}")
            unikernel = next(things)
            results(check_of(unikernel, f"c{number}", "tcp", TCP), world.now, ".")
            Freeze.objects.create(team=user.personal_team, by=user, reason="audit")
            assert unikernel.current is not None
            RollbackWindow.objects.create(
                unikernel=unikernel,
                to=unikernel.current,
                operation=world.taken_back,
                until=world.now + timedelta(minutes=5),
                due_at=world.now,
            )
            MailChoice.objects.create(user=user, topic="checks", wanted=False)
            Letter.objects.create(user=user, topic="checks", subject="zone is down", text="…")

    return fill


def address(model: str, what: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model}_{what}", args=args)


@pytest.mark.parametrize("model", LISTS)
def test_a_long_list_asks_no_more_than_a_short_one(
    fill: Fill, superuser: Client, model: str, django_assert_num_queries: Any
) -> None:
    fill(0, 2)
    superuser.get(address(model))
    with CaptureQueriesContext(connection) as short:
        superuser.get(address(model))
    fill(2, 6)

    with django_assert_num_queries(len(short)):
        assert superuser.get(address(model)).status_code == 200


@pytest.mark.parametrize("model", LISTS)
def test_nothing_is_changed_there(fill: Fill, superuser: Client, model: str) -> None:
    fill(0, 1)
    row = {**_first_rows()}[model]

    assert superuser.get(address(model, "change", row)).status_code == 200
    assert superuser.post(address(model, "change", row), {}).status_code == 403
    assert superuser.get(address(model, "delete", row)).status_code == 403
    assert superuser.get(address(model, "add")).status_code == 403


def _first_rows() -> dict[str, int]:
    check = Check.objects.filter(results__isnull=False).order_by("pk").first()
    assert check is not None
    found = (
        check,
        check.results.first(),
        *(model.objects.first() for model in (Freeze, RollbackWindow, MailChoice, Letter)),
    )
    return {name: row.pk for name, row in zip(LISTS, found, strict=True) if row}


@pytest.mark.parametrize(
    ("model", "query", "found"),
    [
        ("unikernels_check", "?state__exact=down", 1),
        ("unikernels_check", "?q=dns-primary", 1),
        ("unikernels_checkresult", "?outcome__exact=inconclusive", 1),
        ("unikernels_freeze", "?q=nobody", 0),
    ],
)
def test_lists_are_narrowed_and_searched(
    world: World, superuser: Client, model: str, query: str, found: int
) -> None:
    assert superuser.get(address(model) + query).context["cl"].result_count == found


@pytest.mark.parametrize(
    ("fate", "subjects"),
    [
        ("waits", {"new", "tried"}),
        ("trouble", {"tried"}),
        ("sent", {"sent"}),
        ("given-up", {"given up"}),
    ],
)
def test_letters_are_found_by_what_became_of_them(
    world: World, superuser: Client, fate: str, subjects: set[str]
) -> None:
    common = {"user": world.person, "topic": "checks", "text": "…"}
    Letter.objects.create(subject="new", **common)
    Letter.objects.create(subject="tried", tries=2, trouble_text="x" * 1000, **common)
    Letter.objects.create(subject="sent", tries=1, sent_at=world.now, **common)
    Letter.objects.create(subject="given up", tries=9, given_up_at=world.now, **common)

    page = superuser.get(f"{address('accounts_letter')}?fate={fate}")

    assert {letter.subject for letter in page.context["cl"].result_list} == subjects
    assert "x" * 121 not in page.text


def test_a_freeze_leads_to_its_switch(world: World, superuser: Client) -> None:
    Freeze.objects.create(team=Team.objects.get(name="robur"))
    Freeze.objects.create(team=None)

    page = superuser.get(address("unikernels_freeze")).text

    assert 'href="/freeze/robur/"' in page
    assert 'href="/freeze/"' in page


def test_settings_that_cannot_be_read_do_not_break_the_list(world: World, superuser: Client) -> None:
    Check.objects.filter(pk=world.up.pk).update(settings={"colour": "blue"})

    assert "its settings cannot be read" in superuser.get(address("unikernels_check")).text
