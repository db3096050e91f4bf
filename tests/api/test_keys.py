"""``Idempotency-Key``: asked for twice, done once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import ApiToken, User
from mollymawk.models import KeyedRequest
from mollymawk.rest import idempotency, tasks
from tests.api.caller import Caller
from tests.api.house import House
from tests.cast import ClientOf

REPLAYED = "Idempotency-Replayed"


@pytest.fixture
def keyed(deployer: Caller) -> Caller:
    """A program that says which request it is."""
    return deployer.saying(Idempotency_Key="7d1f-1")


def restart(house: House) -> str:
    return f"unikernels/{house.unikernel.pk}/restart/"


def test_the_same_request_again_is_answered_the_same_and_done_once(house: House, keyed: Caller) -> None:
    first, again = keyed.post(restart(house)), keyed.post(restart(house))
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
    assert house.unikernel.operations.filter(kind="restart").count() == 1


@pytest.mark.parametrize(
    ("change", "body"),
    [("destroy/", None), ("restart/?dry_run=false", None), ("configure/", {"configuration": {"memory": 64}})],
)
def test_the_key_of_another_request_is_refused(change: str, body: Any, house: House, keyed: Caller) -> None:
    keyed.post(restart(house))
    answer = keyed.post(f"unikernels/{house.unikernel.pk}/{change}", body)
    assert answer.status_code == 422
    assert "another request" in answer.json()["detail"]
    assert house.unikernel.operations.get(finished_at=None).kind == "restart"


def test_while_the_first_is_under_way_the_second_is_told_so(house: House, keyed: Caller) -> None:
    keyed.post(restart(house))
    KeyedRequest.objects.update(sealed_answer="")
    answer = keyed.post(restart(house))
    assert answer.status_code == 409
    assert "has not ended" in answer.json()["detail"]


def test_keys_belong_to_a_credential(house: House, keyed: Caller, alice: User, client_of: ClientOf) -> None:
    keyed.post(restart(house))
    other = Caller(client_of(alice)).saying(Idempotency_Key="7d1f-1").post(restart(house))
    assert other.status_code == 409
    assert "operation" in other.json()
    assert REPLAYED not in other.headers


def test_what_was_refused_may_be_tried_again_with_its_key(house: House, keyed: Caller) -> None:
    path = f"unikernels/{house.unikernel.pk}/upgrade/"
    assert keyed.post(path, {"image": "0" * 64}).status_code == 404
    assert keyed.post(path, {"version": 10**6}).status_code == 404
    assert not KeyedRequest.objects.exists()


def test_what_broke_off_is_never_begun_again(
    house: House, keyed: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("unikernels.api.changes.restart", _break)
        with pytest.raises(ZeroDivisionError):
            keyed.post(restart(house))
    assert keyed.post(restart(house)).status_code == 409
    assert not house.unikernel.operations.filter(finished_at=None).exists()


def _break(**_: object) -> None:
    raise ZeroDivisionError


def test_a_dry_run_uses_up_no_key(house: House, keyed: Caller) -> None:
    assert keyed.post(restart(house), dry_run="true").json()["possible"]
    assert not KeyedRequest.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 256, "t\u00e4g"])
def test_a_key_that_is_none_is_told(key: str, house: House, deployer: Caller) -> None:
    answer = deployer.client.post(
        f"/api/v1/{restart(house)}", "", content_type="application/json", HTTP_IDEMPOTENCY_KEY=key
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "Idempotency-Key"


def test_neither_the_key_nor_the_secret_of_an_answer_can_be_read(
    house: House, alice: User, client_of: ClientOf
) -> None:
    owner = Caller(client_of(alice)).saying(Idempotency_Key="a-key-that-somebody-may-guess")
    text = owner.post("teams/robur/tokens/", {"name": "ci"}).json()["token"]
    assert owner.post("teams/robur/tokens/", {"name": "ci"}).json()["token"] == text
    assert ApiToken.objects.filter(name="ci").count() == 1
    told = str(KeyedRequest.objects.values().get())
    assert text not in told
    assert "guess" not in told


def test_a_key_is_free_after_a_day(house: House, keyed: Caller) -> None:
    keyed.post(restart(house))
    KeyedRequest.objects.update(began_at=timezone.now() - idempotency.KEPT - timedelta(seconds=1))
    assert keyed.post(restart(house)).json()["operation"]
    KeyedRequest.objects.create(credential="x", began_at=timezone.now() - idempotency.KEPT * 2)
    tasks.prune()
    assert not KeyedRequest.objects.filter(credential="x").exists()
