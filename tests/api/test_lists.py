"""Lists come in pages by key: nothing is skipped or told twice, and a page costs the same anywhere."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Team, User
from mollymawk.rest.pages import BY_NAME, Key, Keyset
from tests.api.caller import Caller
from tests.api.house import House, image_of_team, instance_row, managed, runs, share, under_way
from tests.cast import ClientOf
from unikernels.models import Block, Operation, Unikernel
from unikernels.operations.machine import State

LISTS = ["unikernels", "operations", "images", "instances", "quotas", "blocks", "teams"]


def walk(caller: Caller, path: str, **query: Any) -> list[Any]:
    """Everything in a list, page by page."""
    answer = caller.get(path, **query)
    found = list(answer.json()["items"])
    while link := answer.json()["next"]:
        answer = caller.get(link.removeprefix("http://testserver"))
        found += answer.json()["items"]
    return found


def many(house: House) -> None:
    """Eleven more of everything."""
    for number in range(11):
        unikernel = runs(house.team, house.instance, house.image.image, f"u{number % 5}", f"robur:{number}")
        managed(unikernel, house.image.image)
        under_way(unikernel)
        image_of_team(house.team, padding=20 + number)
        instance = instance_row(f"ams-{number}")
        share(house.team, instance)
        Block.objects.create(instance=instance, team=house.team, path="robur", name="data", size=1)


@pytest.mark.parametrize("limit", [1, 3, 5, 200])
@pytest.mark.parametrize("path", LISTS)
def test_pages_add_up_to_the_whole_list(
    path: str, limit: int, house: House, alice: User, client_of: ClientOf
) -> None:
    many(house)
    caller = Caller(client_of(alice))
    whole = caller.get(f"{path}/", limit=200).json()["items"]
    assert len(whole) >= 11 or path == "teams"
    assert walk(caller, f"{path}/", limit=limit) == whole


def test_a_page_keeps_its_place_when_things_come_and_go(house: House, deployer: Caller) -> None:
    many(house)
    first = deployer.get("unikernels/", limit=4).json()
    last = first["items"][-1]
    Operation.objects.all().delete()
    Unikernel.objects.filter(pk__in=[item["id"] for item in first["items"]]).update(current=None)
    Unikernel.objects.filter(pk__in=[item["id"] for item in first["items"]]).delete()
    second = deployer.get(first["next"].removeprefix("http://testserver")).json()["items"]
    assert (second[0]["name"], second[0]["id"]) > (last["name"], last["id"])
    assert len(first["items"]) + len(walk(deployer, "unikernels/", limit=3)) == 3 + 11


def test_a_link_keeps_the_filters(house: House, deployer: Caller) -> None:
    many(house)
    found = walk(deployer, "unikernels/", limit=1, q="U1", instance="fra-1", state="running", team="robur")
    assert [item["name"] for item in found] == ["u1", "u1"]


def _cursor(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "ä",
        "!!!!",
        "A" * 600,
        _cursor(),
        _cursor("hello"),
        _cursor("hello", "1"),
        _cursor("hello", True),
        _cursor("hello", -1),
        _cursor("hello", 2**63),
        _cursor("hello", 1, 1),
        _cursor(1, "hello"),
        _cursor("a\0b", 1),
        _cursor({"name": 1}, 1),
        base64.urlsafe_b64encode(b'{"a": 1}').decode(),
        base64.urlsafe_b64encode(b"[" * 300).decode(),
    ],
)
def test_a_broken_cursor_is_refused(cursor: str, deployer: Caller) -> None:
    answer = deployer.get("unikernels/", cursor=cursor)
    assert answer.status_code == 400
    assert "cursor" in answer.json()["detail"]


def test_a_cursor_of_another_list_is_refused(house: House, deployer: Caller) -> None:
    many(house)
    link = deployer.get("operations/", limit=1).json()["next"]
    assert deployer.get(f"unikernels/?{link.partition('?')[2]}").status_code == 400


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_a_fixed_number_of_queries(
    path: str, house: House, alice: User, client_of: ClientOf
) -> None:
    caller = Caller(client_of(alice))
    with CaptureQueriesContext(connection) as few:
        caller.get(f"{path}/")
    many(house)
    with CaptureQueriesContext(connection) as most:
        caller.get(f"{path}/")
    assert len(most) == len(few)


def test_the_list_of_unikernels_costs_three_queries(house: House, deployer: Caller) -> None:
    deployer.get("unikernels/")  # the first use of a token in a minute is written down
    with CaptureQueriesContext(connection) as queries:
        assert len(deployer.get("unikernels/").json()["items"]) == 3
    assert len(queries) <= 3, [query["sql"] for query in queries]


def test_operations_are_filtered(house: House, deployer: Caller) -> None:
    done = under_way(house.unikernel, finished_at=house.unikernel.created_at, state=State.SUCCEEDED)

    def found(**query: Any) -> list[int]:
        return [item["id"] for item in deployer.get("operations/", **query).json()["items"]]

    assert found() == [done.pk, house.operation.pk]
    assert found(finished="true") == [done.pk]
    assert found(finished="false") == [house.operation.pk]
    assert found(unikernel=house.unikernel.pk) == [done.pk]
    assert found(kind="deploy") == []
    assert found(team="robur") == [done.pk, house.operation.pk]


@pytest.mark.parametrize("path", ["unikernels", "operations", "images", "quotas", "blocks"])
def test_a_filter_by_a_foreign_team_finds_no_such_team(path: str, deployer: Caller) -> None:
    Team.objects.create(name="other", domain="other")
    assert deployer.get(f"{path}/", team="other").status_code == 404


def test_a_keyset_orders_rising_and_falling(house: House) -> None:
    many(house)
    order = Keyset((Key("name", str, falling=True), Key("id")))
    rows = list(order.ordered(Unikernel.objects.all()))
    assert [(row.name, -row.pk) for row in rows] == sorted(
        ((row.name, -row.pk) for row in rows), reverse=True
    )
    assert list(order.ordered(order.after(Unikernel.objects.all(), order.cursor(rows[4])))) == rows[5:]
    assert BY_NAME.cursor(rows[0]) == BY_NAME.cursor({"name": rows[0].name, "id": rows[0].pk})
