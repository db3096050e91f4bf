"""Alerts and quiet hours in the admin: to read, at the same cost for many."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.mail.quiet import quiet_set
from accounts.models import User
from tests.alerts.conftest import Clock, uses
from tests.api.house import House
from tests.cast import ClientOf, person
from unikernels.alerts.models import Alert, Telling

pytestmark = pytest.mark.django_db
LISTS = ("unikernels/alert", "accounts/quiethours")


def more(house: House, first: int, last: int) -> None:
    for number in range(first, last):
        user = person(f"p{number}")
        quiet_set(user=user, start="22:00", end="07:00", zone="UTC")
        alert = Alert.objects.create(
            rule="quota", subject=f"quota:{number}", title=f"number {number}", team=user.personal_team
        )
        Telling.objects.create(alert=alert, user=user, due_at=timezone.now())


@pytest.mark.parametrize("path", LISTS)
def test_lists_cost_the_same_for_many(house: House, root: User, client_of: ClientOf, path: str) -> None:
    client = client_of(root)
    more(house, 0, 2)
    client.get(f"/admin/{path}/")
    with CaptureQueriesContext(connection) as few:
        assert client.get(f"/admin/{path}/").status_code == 200
    more(house, 2, 6)
    with CaptureQueriesContext(connection) as many:
        assert client.get(f"/admin/{path}/").status_code == 200
    assert len(many) == len(few)


def test_open_ones_are_found(clock: Clock, house: House, root: User, client_of: ClientOf) -> None:
    uses(house.unikernel, 200)
    clock.pass_(seconds=30)
    client = client_of(root)
    for wanted, there in (("yes", True), ("no", False)):
        page = client.get(f"/admin/unikernels/alert/?open={wanted}").text
        assert ("264 of 256 MB" in page) == there


def test_one_shows_who_was_told_and_is_not_changed(
    clock: Clock, house: House, root: User, client_of: ClientOf
) -> None:
    uses(house.unikernel, 200)
    clock.pass_(seconds=30)
    client, path = client_of(root), f"/admin/unikernels/alert/{Alert.objects.get().pk}/change/"
    assert "alice@example.org" in client.get(path).text
    assert client.post(path, {"title": "nothing"}).status_code == 403
    assert client.get("/admin/unikernels/alert/add/").status_code == 403
