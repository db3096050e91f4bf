"""Webhooks by the API: made, changed under their ETag, tried, read, repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.test import Client

from accounts.models import Event, Role, User
from tests.api.caller import Caller
from tests.api.house import House
from tests.cast import ApiOf, TokenOf
from tests.webhooks.receiver import Receiver, receiving, verify
from unikernels.webhooks.models import Webhook
from unikernels.webhooks.tasks import sweep

URL = "https://hooks.example.org/pager"


@pytest.fixture
def owner(house: House, alice: User, token_of: TokenOf, api_of: ApiOf) -> Caller:
    """A program with an owner's token."""
    return Caller(api_of(token_of(alice, Role.OWNER)))


@pytest.fixture
def receiver(simulated_network: str) -> Iterator[Receiver]:
    with receiving(simulated_network.replace("0/24", "202")) as receiver:
        yield receiver


def test_a_webhook_is_made_tried_and_read(owner: Caller, receiver: Receiver) -> None:
    made = owner.post("webhooks/", {"url": receiver.url, "events": ["check.down"], "description": "pager"})
    assert made.status_code == 201
    hook, secret = made.json(), made.json()["signing_secret"]
    shown = owner.get(made.headers["Location"]).json()
    assert shown == {name: value for name, value in hook.items() if name != "signing_secret"}

    pinged = owner.post(f"webhooks/{hook['id']}/ping/")
    assert pinged.status_code == 201
    assert pinged.json()["state"] == "waiting"
    sweep()
    assert verify(receiver.got[0], secret)
    detail = owner.get(pinged.headers["Location"]).json()
    assert (detail["event"], detail["state"], detail["due_at"]) == ("ping", "delivered", None)
    assert [attempt["status"] for attempt in detail["attempts"]] == [204]
    assert json.loads(detail["body"]) == receiver.got[0].told

    again = owner.post(f"webhooks/{hook['id']}/deliveries/{detail['id']}/redeliver/")
    assert (again.status_code, again.json()["state"]) == (200, "waiting")
    sweep()
    assert len({request.message for request in receiver.got}) == 1
    items = owner.get(f"webhooks/{hook['id']}/deliveries/", state="delivered").json()["items"]
    assert [item["id"] for item in items] == [detail["id"]]
    assert owner.get(f"webhooks/{hook['id']}/deliveries/", state="waiting").json()["items"] == []


def test_it_is_changed_only_by_who_read_it_as_it_is(house: House, owner: Caller) -> None:
    path = f"webhooks/{house.webhook.pk}/"
    body = {"url": URL, "events": ["check.up"], "on": False}
    assert owner.put(path, body).status_code == 428
    tag = owner.get(path).headers["ETag"]
    changed = owner.saying(If_Match=tag).put(path, body)
    assert changed.status_code == 200
    assert (changed.json()["url"], changed.json()["on"]) == (URL, False)
    assert owner.saying(If_Match=tag).put(path, body).status_code == 412
    refused = owner.post(f"{path}ping/")
    assert (refused.status_code, "Switch it on" in refused.json()["detail"]) == (422, True)


def test_a_new_secret_is_told_once_and_the_former_one_goes_on_for_a_time(house: House, owner: Caller) -> None:
    path = f"webhooks/{house.webhook.pk}/"
    before = Webhook.objects.get().sealed_secret
    plan = owner.post(f"{path}rotate/", {"overlap": 2}, dry_run="true").json()
    assert plan["possible"]
    assert Webhook.objects.get().sealed_secret == before
    told = owner.post(f"{path}rotate/", {"overlap": 2}).json()
    assert told["signing_secret"].startswith("whsec_")
    assert told["former_until"] is not None
    assert Webhook.objects.get().sealed_former == before
    assert owner.post(f"{path}rotate/", {"overlap": 1000}).status_code == 400


@pytest.mark.parametrize(
    ("field", "value"),
    [("url", "https://10.0.0.2/"), ("url", "gopher://x/"), ("events", []), ("events", ["ping"]), ("on", 3)],
)
def test_what_is_wrong_is_told_at_its_field(owner: Caller, field: str, value: object) -> None:
    answer = owner.post("webhooks/", {"url": URL, "events": ["check.down"]} | {field: value})
    assert answer.status_code == 400
    assert [error["pointer"].partition("/")[0] for error in answer.json()["errors"]] == [field]


def test_it_goes_with_an_event_that_names_no_path(house: House, owner: Caller) -> None:
    assert owner.delete(f"webhooks/{house.webhook.pk}/").status_code == 204
    assert not Webhook.objects.exists()
    data = Event.objects.get(kind="webhook.removed").data
    assert data["host"] == "hooks.example.org"
    assert "swordfish" not in str(data)


def test_many_cost_the_same(
    house: House, owner: Caller, client: Client, django_assert_max_num_queries: object
) -> None:
    hook = house.webhook
    Webhook.objects.bulk_create(
        Webhook(team=house.team, url=URL, host="x", events=["check.down"], sealed_secret=hook.sealed_secret)
        for _ in range(10)
    )
    with django_assert_max_num_queries(12):  # type: ignore[operator]  # pytest-django does not tell its type
        assert len(owner.get("webhooks/").json()["items"]) == 11
