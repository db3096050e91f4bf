"""Webhooks on pages: the secret is shown once, mistakes at their fields, and what became of messages."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from mollymawk.keyring import unseal
from tests.cast import ClientOf
from tests.pages.hooks import Hooks
from tests.pages.world import World
from unikernels.webhooks.models import Delivery, Webhook

ADD = "/teams/robur/webhooks/add/"
WANTED = {"url": "https://hooks.example.org/x", "events": ["check.down", "check.up"], "on": "on"}
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@pytest.fixture
def owner(world: World, alice: User, client_of: ClientOf) -> Client:
    return client_of(alice)


@pytest.fixture
def hooks(world: World) -> Hooks:
    return Hooks(world)


def test_a_new_one_shows_its_secret_and_nothing_shows_it_again(owner: Client) -> None:
    made = owner.post(ADD, WANTED)
    hook = Webhook.objects.get()
    (secret,) = set(SECRET.findall(made.text)) - {"whsec_"}
    assert secret == unseal(hook.sealed_secret)
    for path in ("/teams/robur/webhooks/", f"/webhooks/{hook.pk}/", f"/webhooks/{hook.pk}/edit/"):
        assert secret not in owner.get(path).text

    rotated = owner.post(f"/webhooks/{hook.pk}/rotate/", {"overlap": 24})
    (second,) = SECRET.findall(rotated.text)
    assert second != secret
    assert "signs too until" in rotated.text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "https://10.0.0.2/"}, "private address"),
        ({"url": "hooks.example.org"}, "A URL looks like"),
        ({"events": []}, "Choose at least one event."),
    ],
)
def test_a_mistake_is_said_and_the_form_keeps_its_input(
    owner: Client, wrong: dict[str, object], words: str
) -> None:
    answer = owner.post(ADD, WANTED | {"description": "pager of the night"} | wrong)
    assert answer.status_code == 422
    assert words in answer.text
    assert "pager of the night" in answer.text
    assert not Webhook.objects.exists()


def test_it_is_edited_and_removed(owner: Client, hooks: Hooks) -> None:
    path = f"/webhooks/{hooks.gone.pk}/"
    assert "It answered 410" in owner.get(path).text
    assert owner.post(f"{path}edit/", WANTED).status_code == 302
    hooks.gone.refresh_from_db()
    assert (hooks.gone.on, hooks.gone.off_reason, hooks.gone.events) == (True, "", WANTED["events"])
    owner.post(f"{path}remove/")
    assert not Webhook.objects.filter(pk=hooks.gone.pk).exists()


def test_a_page_tells_what_was_sent_and_what_came_back(owner: Client, hooks: Hooks) -> None:
    text = owner.get(reverse("pages:webhook", args=[hooks.pager.pk])).text
    assert [word for word in ("waiting", "given up", "delivered", "142 ms") if word not in text] == []
    text = owner.get(reverse("pages:webhook-delivery", args=[hooks.pager.pk, hooks.waits.pk])).text
    assert "It answered 503" in text
    assert "&lt;h1&gt;503 Service Unavailable&lt;/h1&gt;" in text
    assert hooks.waits.message in text


def test_a_press_pings_and_another_sends_again(owner: Client, hooks: Hooks) -> None:
    pinged = owner.post(f"/webhooks/{hooks.pager.pk}/ping/")
    made = Delivery.objects.get(kind="ping")
    assert pinged.headers["Location"] == f"/webhooks/{hooks.pager.pk}/deliveries/{made.pk}/"
    owner.post(f"/webhooks/{hooks.pager.pk}/deliveries/{hooks.given_up.pk}/redeliver/")
    hooks.given_up.refresh_from_db()
    assert hooks.given_up.state == "waiting"
    back = owner.post(f"/webhooks/{hooks.gone.pk}/ping/", follow=True)
    assert "Switch it on first." in back.text


def test_many_deliveries_cost_the_same(
    owner: Client, hooks: Hooks, django_assert_max_num_queries: object
) -> None:
    path = f"/webhooks/{hooks.pager.pk}/"
    for number in range(60):
        Delivery.objects.create(webhook=hooks.pager, message=f"m{number}", kind="ping", body="{}")
    with django_assert_max_num_queries(20):  # type: ignore[operator]  # pytest-django does not tell its type
        assert "Next page" in owner.get(path).text


def test_the_admin_reads_and_shows_no_secret_and_no_path(superuser: Client, hooks: Hooks) -> None:
    for page in (
        reverse("admin:unikernels_webhook_changelist"),
        reverse("admin:unikernels_webhook_change", args=[hooks.pager.pk]),
        reverse("admin:unikernels_delivery_changelist"),
        reverse("admin:unikernels_delivery_change", args=[hooks.waits.pk]),
    ):
        text = superuser.get(page).text
        assert "hooks.example.org" in text
        assert "key=4f1c" not in text
        assert hooks.pager.sealed_secret not in text
        assert 'name="_save"' not in text
