"""Alerts by the API: what goes on, what is over, and a person's quiet hours."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from accounts.mail.models import QuietHours
from accounts.models import User
from tests.api.caller import Caller
from tests.api.house import House
from tests.cast import ClientOf
from unikernels.alerts.models import Alert

HOURS = {"start": "22:00", "end": "07:00", "zone": "Europe/Berlin"}


@pytest.fixture
def fired(house: House) -> Alert:
    """One that goes on; beside it one that is over, and one that concerns nobody here."""
    now = timezone.now()
    silent = {"rule": "silent", "title": "fra-1 does not answer", "path": "/instances/fra-1/"}
    Alert.objects.create(subject="instance:1", instance=house.instance, resolved_at=now, **silent)
    Alert.objects.create(subject="instance:0", **silent)
    return house.alert


@pytest.fixture
def browser(dave: User, client_of: ClientOf) -> Client:
    return client_of(dave)


def rules(caller: Caller, **query: object) -> list[str]:
    return [item["rule"] for item in caller.get("alerts/", **query).json()["items"]]


def test_a_team_reads_what_concerns_it_newest_first(fired: Alert, viewer: Caller) -> None:
    assert rules(viewer) == ["quota", "silent"]
    assert rules(viewer, open="true") == ["quota"]
    assert rules(viewer, open="false") == ["silent"]
    assert rules(viewer, rule="silent") == ["silent"]
    assert rules(viewer, team="robur") == ["quota"]
    assert rules(viewer, instance="fra-2") == []


def test_one_tells_what_why_and_where(fired: Alert, viewer: Caller) -> None:
    body = viewer.get(f"alerts/{fired.pk}/").json()
    assert body["title"] == "robur on fra-1: 250 of 256 MB of memory used"
    assert (body["team"], body["instance"], body["resolved_at"]) == ("robur", "fra-1", None)
    assert body["page"].endswith("/quotas/")


def test_what_concerns_others_is_not_there(fired: Alert, viewer: Caller) -> None:
    foreign = Alert.objects.get(subject="instance:0")
    assert viewer.get(f"alerts/{foreign.pk}/").status_code == 404


def test_many_cost_the_same(fired: Alert, viewer: Caller, django_assert_max_num_queries: object) -> None:
    for number in range(20):
        Alert.objects.create(rule="loop", subject=f"unikernel:{number}", title="x", path="/", team=fired.team)
    with django_assert_max_num_queries(10):  # type: ignore[operator]  # pytest-django does not tell its type
        assert len(rules(viewer)) == 22


def test_quiet_hours_are_set_told_and_ended(house: House, browser: Client, dave: User) -> None:
    path = "/api/v1/quiet-hours/"
    assert browser.get(path).json() == dict.fromkeys(HOURS)

    assert browser.put(path, HOURS, content_type="application/json").json() == HOURS
    assert str(QuietHours.objects.get(user=dave).end) == "07:00:00"
    assert browser.get(path).json() == HOURS

    assert browser.delete(path).status_code == 204
    assert browser.get(path).json() == dict.fromkeys(HOURS)


@pytest.mark.parametrize(
    ("field", "value"), [("zone", "Atlantis"), ("start", "25:00"), ("end", "22:00"), ("start", None)]
)
def test_quiet_hours_that_make_no_sense_are_refused_at_their_field(
    house: House, browser: Client, field: str, value: object
) -> None:
    answer = browser.put("/api/v1/quiet-hours/", HOURS | {field: value}, content_type="application/json")
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [field]
    assert not QuietHours.objects.exists()


def test_a_token_has_no_quiet_hours(viewer: Caller) -> None:
    answer = viewer.get("quiet-hours/")
    assert answer.status_code == 403
    assert "Log in" in answer.json()["detail"]
