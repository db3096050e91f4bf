"""Every list has filters that find what they say, and orders that stay exact while rows come and go."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from mollymawk.rest.schema import description
from tests.api.caller import Caller
from tests.api.house import House, runs
from tests.api.test_lists import many, walk
from tests.cast import ClientOf
from unikernels.models import Operation, Unikernel

PLAIN = {
    "listQuotaRequests",
    "listUsers", "listPublishers", "listIssuers",
    "listSessions",
    "listTeams", "listTokens", "listFreezes", "listMembers", "listInvitations", "listMyInvitations", "listWebhooks",
    "listDeliveries",
}  # fmt: skip  # short, and always in one order
SEARCHED = {
    ("unikernels/", "q", "HELL"): ["hello"],
    ("unikernels/", "instance", "fra-1"): ["busy", "found", "hello"],
    ("unikernels/", "instance", "ams-1"): [],
    ("unikernels/", "state", "running"): ["busy", "found", "hello"],
    ("unikernels/", "standing", "update"): ["hello"],
    ("unikernels/", "update_mode", "automatic"): [],
    ("unikernels/", "check", "unknown"): ["hello"],
    ("unikernels/", "check", "down"): [],
    ("unikernels/", "job", "hello"): ["hello"],
    ("unikernels/", "unstable", "true"): [],
    ("unikernels/", "changed_outside", "false"): ["busy", "found", "hello"],
    ("unikernels/", "ordering", "-name"): ["hello", "found", "busy"],
    ("operations/", "instance", "fra-1"): ["robur:busy"],
    ("operations/", "instance", "ams-1"): [],
    ("operations/", "state", "preflight"): ["robur:busy"],
    ("operations/", "state", "succeeded"): [],
    ("operations/", "reverted", "true"): [],
    ("operations/", "since", "2100-01-01T00:00:00Z"): [],
    ("operations/", "until", "2100-01-01"): ["robur:busy"],
    ("images/", "q", "HELLO"): ["hello.hvt", "hello.hvt"],
    ("images/", "target", "spt"): [],
    ("instances/", "status", "online"): ["fra-1"],
    ("instances/", "q", "ams"): [],
    ("blocks/", "active", "false"): ["data"],
    ("blocks/", "q", "x"): [],
    ("block-files/", "origin", "uploaded"): ["content.img"],
    ("builders/", "q", "UILD"): ["builds"],
}


def lists() -> dict[str, Any]:
    """What is said of every list."""
    operations = [operation for methods in description()["paths"].values() for operation in methods.values()]
    return {
        operation["operationId"]: operation
        for operation in operations
        if "limit" in {parameter["name"] for parameter in operation.get("parameters", ())}
    }


def test_every_list_can_be_ordered() -> None:
    ordered = {
        name
        for name, operation in lists().items()
        if "ordering" in {parameter["name"] for parameter in operation.get("parameters", ())}
    }
    assert set(lists()) - ordered == PLAIN


def test_filters_find_what_they_say(house: House, deployer: Caller) -> None:
    _ = house.builder, house.newer, house.build, house.check, house.content
    for (path, name, value), found in SEARCHED.items():
        items = deployer.get(path, **{name: value}).json()["items"]
        assert [item["name"] for item in items] == found, (path, name, value)


def test_what_cannot_be_ordered_by_is_refused_with_what_can(deployer: Caller) -> None:
    for wrong in ("password", "team", "name,id", "", "--name"):
        answer = deployer.get("unikernels/", ordering=wrong)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == "ordering"


# What to order by, and how to read it from an item.
ORDERED = [
    ("unikernels/", "instance", "instance"),
    ("unikernels/", "state", "state"),
    ("unikernels/", "since", "since"),
    ("operations/", "created_at", "created_at"),
    ("images/", "size", "size"),
    ("blocks/", "instance", "instance"),
    ("quotas/", "instance", "instance"),
]


def test_pages_in_any_order_add_up_to_the_whole(house: House, deployer: Caller) -> None:
    many(house)
    for path, name, field in ORDERED:
        for sign in ("", "-"):
            whole = deployer.get(path, limit=200, ordering=sign + name).json()["items"]
            assert [it[field] for it in whole] == sorted((it[field] for it in whole), reverse=sign == "-")
            assert walk(deployer, path, limit=5, ordering=sign + name) == whole


def test_nothing_is_skipped_or_told_twice_while_rows_come_and_go(
    house: House, alice: User, client_of: ClientOf
) -> None:
    """Between any two pages one is made before the reader's place, one behind it, and one read is removed."""
    many(house)
    Operation.objects.all().delete()
    Unikernel.objects.update(current=None)
    before = {row.pk for row in Unikernel.objects.filter(team=house.team)}
    caller, link, told, late = Caller(client_of(alice)), "unikernels/?limit=2&ordering=-name", [], set[int]()
    while link:
        answer = caller.get(link.removeprefix("http://testserver")).json()
        told += [item["id"] for item in answer["items"]]
        link = answer["next"]
        runs(house.team, house.instance, house.image.image, f"z{len(told)}")  # falling: passed already
        late.add(runs(house.team, house.instance, house.image.image, f"a{99 - len(told)}").pk)
        Unikernel.objects.filter(pk=told[0]).delete()
    assert len(told) == len(set(told))
    assert before <= set(told) <= before | late


def test_a_cursor_belongs_to_one_order(house: House, deployer: Caller) -> None:
    many(house)
    link = deployer.get("unikernels/", limit=1, ordering="instance").json()["next"]
    stolen = link.removeprefix("http://testserver").replace("ordering=instance", "ordering=state")
    assert deployer.get(stolen).status_code == 400
    assert deployer.get(stolen.replace("ordering=state", "ordering=name")).status_code == 400
