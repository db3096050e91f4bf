"""Several at the same moment: nothing is done twice, nothing that was planned for something else.

``RACES=1000`` in the environment makes more of them.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import close_old_connections, connection

from accounts.models import Role, User
from tests.api.caller import Caller
from tests.api.house import House
from tests.api.test_conditions import CHECK, place
from tests.cast import ApiOf, TokenOf
from unikernels.models import Operation, Unikernel

RACES = int(os.environ.get("RACES", "25"))

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120 + RACES)]
BODY = {"configuration": {"memory": 64, "networks": {"service": "service"}}}


@pytest.fixture
def program(house: House, dave: User, token_of: TokenOf, api_of: ApiOf) -> Callable[[], Caller]:
    """A program of its own for each thread."""
    token = token_of(dave, Role.DEPLOYER)
    return lambda: Caller(api_of(token))


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each of *works* gives, all begun at the same moment."""
    start, found = threading.Barrier(len(works)), [None] * len(works)

    def run(number: int, work: Callable[[], Any]) -> None:
        close_old_connections()
        start.wait(10)
        try:
            found[number] = work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def test_what_is_begun_for_a_team_that_goes_meanwhile_is_refused(
    house: House, program: Callable[[], Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is gone when the transaction ends, as when somebody else deletes it just then."""

    def record(**_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_team WHERE id = %s", [house.team.pk])

    monkeypatch.setattr("unikernels.checks.services.record_of", lambda *_, **__: record())
    answer = program().post(f"unikernels/{house.unikernel.pk}/checks/", CHECK)
    assert answer.status_code == 409, answer.text
    assert "came or went at the same moment" in answer.json()["detail"]
    assert not house.unikernel.checks.exists()


def test_a_stale_plan_is_never_applied(house: House, program: Callable[[], Caller]) -> None:
    caller, path, stale = program(), f"unikernels/{house.unikernel.pk}/configure/", 0
    for number in range(RACES):
        plan = caller.post(path, BODY, dry_run="true").json()["digest"]

        def change(number: int = number) -> float:
            Unikernel.objects.filter(pk=house.unikernel.pk).update(digest=f"{number:064x}")
            return time.monotonic()

        def apply(plan: str = plan) -> tuple[float, int]:
            time.sleep(random.random() / 20)  # on either side of the change
            begun = time.monotonic()
            return begun, program().saying(If_Plan_Match=plan).post(path, BODY).status_code

        changed, (begun, status) = at_once(change, apply)
        assert status in {202, 412}
        if begun > changed:
            stale += 1
            assert status == 412, f"race {number}: a stale plan was applied"
        Operation.objects.exclude(pk=house.operation.pk).delete()
    assert stale, "none was stale"


def test_two_who_read_the_same_do_not_both_write(house: House, program: Callable[[], Caller]) -> None:
    for number in range(RACES):
        tag = program().get(place(house)).headers["ETag"]
        bodies = [CHECK | {"seconds": 100 + 2 * number + at} for at in (0, 1)]

        def put(body: dict[str, Any], tag: str = tag) -> int:
            status: int = program().saying(If_Match=tag).put(place(house), body).status_code
            return status

        found = at_once(*(partial(put, body) for body in bodies))
        assert found.count(200) == 1, f"race {number}: {found}"
        assert set(found) <= {200, 409, 412}


def _status(program: Callable[[], Caller], path: str, key: str) -> int:
    status: int = program().saying(Idempotency_Key=key).post(path).status_code
    return status


def test_one_key_is_one_change(house: House, program: Callable[[], Caller]) -> None:
    path = f"unikernels/{house.unikernel.pk}/restart/"
    for number in range(RACES):
        works = [partial(_status, program, path, f"race-{number}")] * 3
        found = at_once(*works)
        assert set(found) <= {202, 409}
        assert Operation.objects.filter(unikernel=house.unikernel).count() == 1, f"race {number}: {found}"
        Operation.objects.filter(unikernel=house.unikernel).delete()
