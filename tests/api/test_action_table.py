"""The table of packages in the summary of the action, from what the API really tells."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.utils import timezone

from tests.api.caller import Caller
from tests.api.house import House

action: Any = import_module("deploy.action")

pytestmark = pytest.mark.django_db


class Api:
    """The action's view of the API."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def get(self, path: str, **query: Any) -> Any:
        answer = self._caller.get(path, **query)
        if answer.status_code >= 400:
            raise action.Problem(answer.status_code, answer.json())
        return answer.json()


def test_it_tells_what_a_build_changes_and_nothing_when_nobody_knows(house: House, viewer: Caller) -> None:
    server: Any = Api(viewer)
    asked = action.Change(
        "", {"build": {"job": "hello", "build": house.changes.key[-36:]}}, "", house.unikernel.pk
    )
    assert "| tls | 1.0.0 | 2.0.0 |" in action.packages(server, asked)
    assert action.packages(server, action.Change("", {"build": {"build": "latest"}}, "", house.busy.pk)) == ""
    assert action.packages(server, action.Change("", {"image": "0" * 64}, "", house.unikernel.pk)) == ""


def test_the_tries_of_checks_during_the_operation_are_told_in_their_order(
    house: House, viewer: Caller
) -> None:
    server: Any = Api(viewer)
    began = timezone.now()
    tries = [
        ("failed", "nothing | answered", house.operation),
        ("passed", "200", house.operation),
        ("passed", "", None),
    ]
    for number, (outcome, text, operation) in enumerate(tries):
        at = began + timedelta(seconds=number)
        house.check.results.create(at=at, outcome=outcome, latency=0.012, text=text, operation=operation)
    place = f"unikernels/{house.check.unikernel_id}/"
    told = action.probes(server, {"id": house.operation.pk}, server.get(place)).splitlines()
    name = house.check.name
    assert [line.partition(" | ")[2] for line in told[3:]] == [
        f"{name} | failed | 12 ms | nothing \\| answered |",
        f"{name} | passed | 12 ms | 200 |",
    ]
