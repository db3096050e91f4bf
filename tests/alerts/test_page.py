"""The page of alerts: what fires, what was over lately, each to those whom it concerns."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from tests.alerts.conftest import Clock, answer, silence, uses
from tests.api.house import House
from tests.cast import ClientOf
from unikernels.alerts.models import Alert

pytestmark = pytest.mark.django_db

SILENT, FULL = "fra-1 does not answer", "robur on fra-1: 264 of 256 MB of memory used"


@pytest.fixture
def fired(clock: Clock, house: House) -> Clock:
    uses(house.unikernel, 200)
    silence(clock.now)
    clock.pass_(minutes=5)
    Alert.objects.create(rule="silent", subject="instance:0", title="far does not answer", path="/")
    return clock


def seen_by(user: User, client_of: ClientOf) -> list[str]:
    """The alerts on the page of *user*."""
    page = client_of(user).get("/alerts/")
    assert page.status_code == 200
    return [title for title in (SILENT, FULL, "far does not answer") if title in page.text]


def test_everybody_sees_what_concerns_them(
    fired: Clock, bob: User, charlie: User, root: User, client_of: ClientOf
) -> None:
    assert seen_by(bob, client_of) == [SILENT, FULL]
    assert seen_by(charlie, client_of) == []
    assert seen_by(root, client_of) == [SILENT, FULL, "far does not answer"]


def test_it_says_why_and_leads_to_more(fired: Clock, bob: User, client_of: ClientOf) -> None:
    page = client_of(bob).get("/alerts/").text
    assert "Connection refused." in page
    assert f'<a href="/instances/fra-1/">{SILENT}</a>' in page


def test_what_is_over_is_told_apart_and_for_a_week(fired: Clock, bob: User, client_of: ClientOf) -> None:
    answer()
    fired.pass_(minutes=1)
    page = client_of(bob).get("/alerts/").text
    before, _, after = page.partition("Over in the last week")
    assert FULL in before
    assert SILENT in after
    assert SILENT not in before
    Alert.objects.filter(title=SILENT).update(resolved_at=timezone.now() - timedelta(days=8))
    assert SILENT not in client_of(bob).get("/alerts/").text


def test_that_nothing_fires_is_said(house: House, bob: User, client_of: ClientOf) -> None:
    assert "Nothing fires." in client_of(bob).get("/alerts/").text


def test_it_needs_a_login(fired: Clock) -> None:
    assert Client().get("/alerts/").headers["Location"] == "/accounts/login/?next=/alerts/"


def test_many_cost_the_same(fired: Clock, house: House, root: User, client_of: ClientOf) -> None:
    client = client_of(root)
    client.get("/alerts/")
    with CaptureQueriesContext(connection) as few:
        client.get("/alerts/")
    for number in range(5):
        Alert.objects.create(rule="quota", subject=f"quota:{number}", title="x", path="/", team=house.team)
    with CaptureQueriesContext(connection) as many:
        client.get("/alerts/")
    assert len(many) == len(few)
