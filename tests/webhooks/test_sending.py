"""Messages arrive, signed: through receivers that fail, hang, babble, redirect, are gone, and are many."""

from __future__ import annotations

import socket
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.models import Event, Letter, Team, User
from tests.checks.servers import answering, dripping, endlessly, hanging, http, serving
from tests.checks.test_tls import Authority
from tests.checks.test_tls import authority as authority  # noqa: PLC0414 - a fixture
from tests.webhooks.conftest import Hook, fate, let_pass
from tests.webhooks.receiver import Receiver, receiving, verify
from unikernels.webhooks import posting, sending
from unikernels.webhooks.ending import ONLY_FAILURES, PAUSES, settle
from unikernels.webhooks.models import Delivery, Webhook
from unikernels.webhooks.services import redeliver, webhook_ping, webhook_rotate
from unikernels.webhooks.tasks import sweep

pytestmark = pytest.mark.django_db


def ping(hook: Webhook) -> Delivery:
    return webhook_ping(actor=SYSTEM, hook=hook)


def trouble_of(delivery: Delivery) -> str:
    return delivery.attempts.get().trouble


# --- what arrives ------------------------------------------------------------------------------------


def test_a_message_arrives_once_and_its_signature_is_right(hook_to: Hook, receiver: Receiver) -> None:
    hook, secret = hook_to(receiver.url)
    delivery = ping(hook)
    assert sweep() == 1
    assert sweep() == 0
    assert fate(delivery) == ("delivered", 1)
    (request,) = receiver.got
    assert request.head.startswith(b"POST /hook?team=robur HTTP/1.1\r\n")
    assert request.headers["Host"] == receiver.host
    assert request.headers["Content-Type"] == "application/json"
    assert request.message == delivery.message
    assert request.told["type"] == "ping"
    assert request.told["data"] == {"team": "robur", "webhook": hook.pk}
    assert verify(request, secret)
    request.body += b" "
    assert not verify(request, secret)


def test_a_former_secret_signs_too_until_its_time_is_over(hook_to: Hook, receiver: Receiver) -> None:
    hook, former = hook_to(receiver.url)
    secret = webhook_rotate(actor=SYSTEM, hook=hook, overlap=1)
    ping(hook)
    sweep()
    assert verify(receiver.got[0], former)
    assert verify(receiver.got[0], secret)
    Webhook.objects.update(former_until=timezone.now())
    ping(hook)
    sweep()
    assert not verify(receiver.got[1], former)
    assert verify(receiver.got[1], secret)


def test_what_is_rolled_back_was_never_written(hook: Webhook) -> None:
    with transaction.atomic():
        ping(hook)
        transaction.set_rollback(True)
    assert sweep() == 0


# --- what fails --------------------------------------------------------------------------------------


def test_what_fails_is_tried_again_later_each_time_and_given_up_in_the_end(
    hook: Webhook, receiver: Receiver
) -> None:
    delivery = ping(hook)
    receiver.answers = [http(500, b"no")] * (len(PAUSES) + 1)
    for number, pause in enumerate(PAUSES, start=1):
        assert sweep() == 1
        assert fate(delivery) == ("waiting", number)
        waits = delivery.due_at - timezone.now()
        assert pause - timedelta(seconds=30) < waits <= pause
        assert sweep() == 0
        let_pass(seconds=pause.total_seconds())
    assert sweep() == 1
    assert fate(delivery) == ("given-up", len(PAUSES) + 1)
    assert {request.message for request in receiver.got} == {delivery.message}
    attempt = delivery.attempts.last()
    assert attempt is not None
    assert (attempt.status, attempt.excerpt) == (500, "no")
    assert attempt.trouble == "It answered 500; good is 200 to 299."

    redeliver(actor=SYSTEM, delivery=delivery)
    assert sweep() == 1
    assert fate(delivery) == ("delivered", 1)
    assert receiver.got[-1].message == delivery.message
    assert delivery.attempts.count() == len(PAUSES) + 2


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (http(302, Location="http://127.0.0.1/"), "It answered 302; webhooks follow no redirect."),
        (b"\x00\xff nonsense", "The connection ended too early, or what came is not HTTP."),
        (b"", "The connection ended too early, or what came is not HTTP."),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n", "The connection ended too early"),
    ],
)
def test_receivers_that_answer_nothing_good(
    hook: Webhook, receiver: Receiver, answer: bytes, trouble: str
) -> None:
    receiver.answers = [answer]
    delivery = ping(hook)
    sweep()
    assert fate(delivery) == ("waiting", 1)
    assert trouble_of(delivery).startswith(trouble)


def test_a_receiver_that_hangs_is_left(hook_to: Hook, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "SECONDS", 0.2)
    with serving(here, hanging) as server:
        delivery = ping(hook_to(server.url)[0])
        sweep()
    assert trouble_of(delivery) == "No complete answer within 0.2 s."


def test_of_a_body_without_end_the_beginning_is_kept(hook_to: Hook, here: str) -> None:
    sent: list[int] = []
    head = b"HTTP/1.1 200 OK\r\n\r\n\x1b[31m"
    with serving(here, endlessly(head, b"x" * 65_536, sent)) as server:
        delivery = ping(hook_to(server.url)[0])
        sweep()
    assert fate(delivery) == ("delivered", 1)
    attempt = delivery.attempts.get()
    assert attempt.excerpt.startswith("␛[31mxxx")
    assert len(attempt.excerpt.encode()) < posting.EXCERPT + 100


def test_a_body_that_drips_does_not_undo_its_status(
    hook_to: Hook, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "SECONDS", 0.3)
    with serving(here, answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ngot")) as server:
        delivery = ping(hook_to(server.url)[0])
        sweep()
    assert fate(delivery) == ("delivered", 1)
    assert delivery.attempts.get().excerpt == "got"


def test_a_head_that_drips_ends_with_the_time(
    hook_to: Hook, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "SECONDS", 0.3)
    served: list[Any] = []
    with serving(here, dripping(served, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000, 0.002)) as server:
        served.append(server)
        delivery = ping(hook_to(server.url)[0])
        sweep()
    assert trouble_of(delivery) == "No complete answer within 0.3 s."


# --- where it goes -----------------------------------------------------------------------------------


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A resolver of our own: by name, the addresses it gives one after the other (the last one again)."""
    known: dict[str, list[str]] = {}

    def getaddrinfo(host: str, *_: Any, **__: Any) -> list[Any]:
        answers = known[host]
        return [(0, 0, 0, "", (answers.pop(0) if len(answers) > 1 else answers[0], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


def test_a_rebinding_name_is_connected_to_where_it_was_judged(
    hook_to: Hook, receiver: Receiver, names: dict[str, list[str]], here: str
) -> None:
    names["rebind.example.org"] = [here, "127.0.0.1", "169.254.169.254"]
    delivery = ping(hook_to(f"http://rebind.example.org:{receiver.host.rpartition(':')[2]}/")[0])
    sweep()
    assert fate(delivery) == ("delivered", 1)
    assert names["rebind.example.org"] == ["127.0.0.1", "169.254.169.254"], "it was asked once"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.2", "169.254.169.254", "fd00:ec2::254", "::1"])
def test_a_name_that_leads_inside_is_not_connected_to_and_nothing_is_told_of_it(
    hook_to: Hook, names: dict[str, list[str]], address: str
) -> None:
    names["inside.example.org"] = [address]
    delivery = ping(hook_to("https://inside.example.org/")[0])
    sweep()
    assert trouble_of(delivery) == (
        "The name inside.example.org leads to an address that webhooks may not reach."
    )


def test_over_tls_the_certificate_counts(hook_to: Hook, here: str, authority: Authority) -> None:
    with (
        receiving(here, authority.server(here)) as good,
        receiving(here, authority.server("other.org")) as bad,
    ):
        fine, wrong = (ping(hook_to(f"https://{one.host}/")[0]) for one in (good, bad))
        sweep()
    assert fate(fine) == ("delivered", 1)
    assert trouble_of(wrong).startswith("Its certificate is not accepted")
    assert bad.got == []


# --- many --------------------------------------------------------------------------------------------


def test_one_slow_receiver_makes_no_other_wait(hook_to: Hook, here: str, receiver: Receiver) -> None:
    """The slow one answers only after all others were told, among them one that became due meanwhile."""
    late = here.replace("202", "203")
    told = threading.Event()
    with receiving(late) as slow:
        slow.on_request = lambda: told.wait(5)
        slow_hook, quick_hook = hook_to(slow.url)[0], hook_to(receiver.url)[0]
        slow_ones = [ping(slow_hook) for _ in range(4)]
        first = ping(quick_hook)

        def when_told() -> None:
            if len(receiver.got) == 2:
                told.set()

        receiver.on_request = when_told
        second = ping(quick_hook)
        Delivery.objects.filter(pk=second.pk).update(due_at=timezone.now() + timedelta(seconds=0.3))
        assert sweep() == 6
        assert told.is_set()
    assert {fate(one) for one in [first, second, *slow_ones]} == {("delivered", 1)}


def test_at_once_only_so_many_requests_go_to_one_host(hook: Webhook, receiver: Receiver) -> None:
    at_once, most = 0, 0
    lock, enough = threading.Lock(), threading.Barrier(sending.PER_HOST)

    def count() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        enough.wait(5)
        with lock:
            at_once -= 1

    receiver.on_request = count
    for _ in range(3 * sending.PER_HOST):
        ping(hook)
    assert sweep() == 3 * sending.PER_HOST
    assert most == sending.PER_HOST


def test_what_somebody_is_sending_is_left_alone_until_the_claim_ends(
    hook: Webhook, receiver: Receiver
) -> None:
    delivery = ping(hook)
    (mine,) = sending._claimed(10)
    assert sweep() == 0
    let_pass(seconds=sending.CLAIM.total_seconds() + 1)
    assert sweep() == 1
    settle(mine, posting.Answer(500, 0.1, "It answered 500."))  # the one whose claim ended wakes up
    assert fate(delivery) == ("delivered", 2)
    assert delivery.attempts.count() == 1


# --- switched off ------------------------------------------------------------------------------------


def test_410_ends_it_with_a_letter_to_the_owners(
    bob: User, hook: Webhook, receiver: Receiver, alice: User
) -> None:
    receiver.answers = [http(410)]
    first = ping(hook)
    later = ping(hook)
    Delivery.objects.filter(pk=later.pk).update(due_at=timezone.now() + timedelta(minutes=1))
    sweep()
    hook.refresh_from_db()
    assert not hook.on
    assert "410" in hook.off_reason
    assert {fate(first)[0], fate(later)[0]} == {"given-up"}
    letter = Letter.objects.get()
    assert letter.user == alice
    assert letter.subject == f"Webhook of robur to {receiver.host} is switched off"
    assert Event.objects.filter(kind="webhook.switched-off", team__name="robur").count() == 1


def test_days_of_only_failures_end_it_and_one_success_begins_anew(
    hook: Webhook, receiver: Receiver, robur: Team
) -> None:
    receiver.answers = [http(500), http(200), http(500), http(500)]
    for on in (True, True, True, False):
        Webhook.objects.exclude(failing_since=None).update(failing_since=timezone.now() - ONLY_FAILURES)
        Delivery.objects.all().delete()
        ping(hook)
        sweep()
        if receiver.answers == [http(500)] * 2:
            assert Webhook.objects.get().failing_since is None
        assert Webhook.objects.get().on is on
    assert Letter.objects.count() == 1
