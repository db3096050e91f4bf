"""Who may make webhooks, where they may go, secrets, and what is repeated."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actors import SYSTEM, Actor
from accounts.models import Event, Team, User
from mollymawk.errors import Conflict, Forbidden, Invalid, Missing, Refused
from mollymawk.keyring import unseal
from tests.webhooks.conftest import Hook, fate
from unikernels.webhooks import services
from unikernels.webhooks.models import Delivery, Webhook
from unikernels.webhooks.services import (
    KEPT,
    MAX_WEBHOOKS,
    prune,
    redeliver,
    webhook_add,
    webhook_change,
    webhook_of,
    webhook_ping,
    webhook_remove,
    webhook_rotate,
    webhooks_of,
)
from unikernels.webhooks.signing import signature
from unikernels.webhooks.targets import target_of

pytestmark = pytest.mark.django_db

URL = "https://hooks.example.org/x?key=swordfish"


@pytest.fixture
def hook(hook_to: Hook) -> Webhook:
    return hook_to(URL)[0]


# --- who ---------------------------------------------------------------------------------------------


def test_owners_make_them_and_nobody_else_sees_them(
    alice: User, dave: User, charlie: User, root: User, hook: Webhook
) -> None:
    with pytest.raises(Forbidden):
        webhook_add(actor=Actor(dave, "session"), team=hook.team, url=URL, events=["check.down"])
    with pytest.raises(Forbidden):
        webhook_of(Actor(dave, "session"), hook.pk)
    with pytest.raises(Missing):
        webhook_of(Actor(charlie, "session"), hook.pk)
    seen = {person: list(webhooks_of(Actor(person, "session"))) for person in (alice, dave, charlie, root)}
    assert seen == {alice: [hook], dave: [], charlie: [], root: [hook]}


def test_every_change_is_an_event_without_secret_and_path(robur: Team, alice: User) -> None:
    actor = Actor(alice, "session")
    hook, secret = webhook_add(actor=actor, team=robur, url=URL, events=["check.down"])
    webhook_change(actor=actor, hook=hook, url=URL, events=["check.up"], description="pager", on=True)
    second = webhook_rotate(actor=actor, hook=hook)
    delivery = webhook_ping(actor=actor, hook=hook)
    redeliver(actor=actor, delivery=delivery)
    webhook_remove(actor=actor, hook=hook)
    events = Event.objects.filter(kind__startswith="webhook.").order_by("pk")
    assert [event.kind for event in events] == [
        f"webhook.{what}" for what in ("added", "changed", "rotated", "pinged", "redelivered", "removed")
    ]
    texts = " ".join(f"{event.data} {event.reason}" for event in events)
    assert "hooks.example.org" in texts
    assert not any(text in texts for text in (secret, second, "swordfish"))


# --- where to ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://hooks.example.org/", "begins with"),
        ("https://user:pw@hooks.example.org/", "passwords do not belong"),
        ("https://10.0.0.2/", "private"),
        ("https://169.254.169.254/", "credentials"),
        ("https://[::1]/", "of this machine"),
        ("https://[fd00:ec2::254]/", "credentials"),
        ("https://127.0.0.1:6379/", "of this machine"),
        ("https://hooks.example.org/" + "x" * 500, "At most 500"),
        ("https://hooks.example.org/\r\nX: y", "Control characters"),
        ("", "A URL looks like"),
    ],
)
def test_where_no_webhook_goes_is_said_at_the_field(robur: Team, url: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        webhook_add(actor=SYSTEM, team=robur, url=url, events=["check.down"])
    assert words in caught.value.fields["url"][0]


def test_without_the_simulated_network_only_tls(settings: object) -> None:
    settings.CHECK_SIMULATED_NETWORK = False  # type: ignore[attr-defined]  # pytest-django's
    assert target_of("https://hooks.example.org:8443/x").host == "hooks.example.org:8443"
    for url in ("http://hooks.example.org/", "https://127.77.0.1/"):
        with pytest.raises(Invalid):
            target_of(url)


@pytest.mark.parametrize("events", [[], ["ping"], ["check.down", "sunset"]])
def test_events_are_those_of_the_list(robur: Team, events: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        webhook_add(actor=SYSTEM, team=robur, url=URL, events=events)
    assert list(caught.value.fields) == ["events"]


def test_a_team_has_only_so_many(hook_to: Hook) -> None:
    for _ in range(MAX_WEBHOOKS):
        hook_to(URL)
    with pytest.raises(Refused):
        hook_to(URL)


# --- secrets -----------------------------------------------------------------------------------------


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of the Standard Webhooks specification."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    told = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert told == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_without_overlap_the_former_secret_ends_at_once(hook_to: Hook) -> None:
    hook, _ = hook_to(URL)
    secret = webhook_rotate(actor=SYSTEM, hook=hook, overlap=0)
    assert (unseal(hook.sealed_secret), hook.sealed_former) == (secret, "")
    assert secret not in str(Webhook.objects.values())


def test_two_who_make_a_new_secret_at_once_do_not_both_win(hook: Webhook) -> None:
    late = Webhook.objects.get(pk=hook.pk)
    webhook_rotate(actor=SYSTEM, hook=hook)
    with pytest.raises(Conflict):
        webhook_rotate(actor=SYSTEM, hook=late)


# --- off, again, old ---------------------------------------------------------------------------------


def test_what_waits_is_given_up_when_it_is_switched_off_and_nothing_is_sent(hook: Webhook) -> None:
    delivery = webhook_ping(actor=SYSTEM, hook=hook)
    words = {"url": URL, "events": ["check.down"], "description": ""}
    webhook_change(actor=SYSTEM, hook=hook, on=False, **words)  # type: ignore[arg-type]  # mixed values
    assert fate(delivery)[0] == "given-up"
    delivery.webhook = hook
    with pytest.raises(Refused, match="Switch it on"):
        webhook_ping(actor=SYSTEM, hook=hook)
    with pytest.raises(Refused, match="Switch it on"):
        redeliver(actor=SYSTEM, delivery=delivery)
    Webhook.objects.update(off_reason="It answered 410.", failing_since=timezone.now())
    webhook_change(actor=SYSTEM, hook=hook, on=True, **words)  # type: ignore[arg-type]  # mixed values
    assert Webhook.objects.values_list("off_reason", "failing_since").get() == ("", None)


def test_what_is_being_sent_is_not_sent_again_at_the_same_time(hook: Webhook) -> None:
    delivery = webhook_ping(actor=SYSTEM, hook=hook)
    Delivery.objects.update(claimed_until=timezone.now() + timedelta(seconds=5))
    with pytest.raises(Conflict):
        redeliver(actor=SYSTEM, delivery=delivery)


def test_old_deliveries_and_former_secrets_are_forgotten(hook: Webhook) -> None:
    waiting, ended = (webhook_ping(actor=SYSTEM, hook=hook) for _ in range(2))
    webhook_rotate(actor=SYSTEM, hook=hook, overlap=1)
    Delivery.objects.filter(pk=ended.pk).update(state=Delivery.State.DELIVERED)
    later = timezone.now() + KEPT + timedelta(minutes=1)
    assert services.prune(later - timedelta(minutes=2)) == 0
    assert prune(later) == 1
    assert Delivery.objects.get() == waiting
    assert Webhook.objects.get().sealed_former == ""
