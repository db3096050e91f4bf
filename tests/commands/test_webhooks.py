"""What an operator does with webhooks."""

from __future__ import annotations

from tests.api.house import House
from tests.commands.conftest import Run
from unikernels.webhooks.models import Delivery, Webhook

URL = "https://hooks.example.org/pager"


def test_a_webhook_is_added_listed_and_removed(house: House, run: Run) -> None:
    added = run("webhook_add", URL, "--team", "robur", "--event", "check.down", "--description", "pager")
    assert added.code == 0
    assert added.out.startswith("whsec_")
    hook = Webhook.objects.get()
    assert (hook.url, hook.events, hook.description) == (URL, ["check.down"], "pager")

    assert "hooks.example.org" in run("webhook_list", "--team", "robur").out
    assert [row["id"] for row in run("webhook_list", "--json").json] == [hook.pk]
    assert "whsec_" not in run("webhook_list", "--json").out

    assert run("webhook_remove", hook.pk).code == 2, "nobody is here to say yes"
    assert run("webhook_remove", hook.pk, "--yes", "--json").json == {
        "removed": hook.pk,
        "host": "hooks.example.org",
    }
    assert run("webhook_remove", hook.pk, "--yes").code == 3


def test_without_events_all_of_them_and_json_has_the_secret(house: House, run: Run) -> None:
    told = run("webhook_add", URL, "--team", "robur", "--json").json
    assert len(told["events"]) == 15
    assert told["signing_secret"].startswith("whsec_")
    assert run("webhook_add", "https://10.0.0.2/", "--team", "robur").code == 2
    assert run("webhook_add", URL, "--team", "nobody").code == 3


def test_deliveries_are_listed_and_sent_again(house: House, run: Run) -> None:
    delivery = house.delivery
    assert "ping" in run("webhook_list", "--deliveries", house.webhook.pk).out
    (listed,) = run("webhook_list", "--deliveries", house.webhook.pk, "--json").json
    assert (listed["message"], listed["attempts"]) == (delivery.message, [])

    Delivery.objects.update(state="given-up", tries=8)
    assert [row["state"] for row in run("webhook_redeliver", delivery.pk, "--json").json] == ["waiting"]
    Delivery.objects.update(state="given-up", tries=8)
    assert run("webhook_redeliver", "--given-up-of", house.webhook.pk).code == 0
    assert Delivery.objects.values_list("state", "tries").get() == ("waiting", 0)
    assert run("webhook_redeliver").code == 2
    assert run("webhook_redeliver", 10**6).code == 3


def test_a_webhook_is_changed_pinged_and_given_a_new_secret(house: House, run: Run) -> None:
    hook = house.webhook
    before = hook.sealed_secret
    assert run("webhook_edit", hook.pk, "--url", URL, "--off").code == 0
    hook.refresh_from_db()
    assert (hook.url, hook.on, hook.events) == (URL, False, ["operation.failed", "check.down"])
    assert run("webhook_ping", hook.pk).code == 4
    assert run("webhook_edit", hook.pk, "--on", "--event", "check.up", "--json").json["events"] == [
        "check.up"
    ]
    assert run("webhook_ping", hook.pk, "--json").json["event"] == "ping"
    assert run("webhook_rotate", hook.pk, "--overlap", 0).out.startswith("whsec_")
    hook.refresh_from_db()
    assert (hook.sealed_secret != before, hook.sealed_former) == (True, "")
