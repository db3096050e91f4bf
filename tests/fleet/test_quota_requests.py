"""Teams ask for more; superusers answer; whoever is concerned gets a letter."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actors import Actor
from accounts.models import Event, Letter, Quota, Team, User
from albatross.messages import Policy
from albatross.models import ObservedPolicy
from mollymawk.errors import Conflict, Forbidden, Invalid, Missing
from tests.api.house import House, instance_row, share
from tests.cast import ClientOf
from tests.commands.conftest import Run, run
from unikernels.quotas.models import QuotaRequest
from unikernels.quotas.requests import quota_ask, request_decline, request_grant, request_withdraw

__all__ = ["run"]

pytestmark = pytest.mark.django_db

WANTED: dict[str, Any] = {"unikernels": 8, "memory": 512, "block": None, "why": "A resolver for each site."}


@pytest.fixture
def house(robur: Team, settings: Any, tmp_path: Path) -> House:
    settings.IMAGE_DIR = tmp_path / "images"
    house = House(robur)
    assert house.root.memory == 1024
    return house


def by(user: User) -> Actor:
    return Actor(user, "session")


def ask(house: House, user: User, **changes: Any) -> QuotaRequest:
    return quota_ask(actor=by(user), team=house.team, **{"instance": house.instance, **WANTED, **changes})


def letters_to(user: User) -> list[str]:
    return list(user.letters.order_by("id").values_list("subject", flat=True))


def test_a_deployer_asks_and_superusers_are_told(house: House, dave: User, root: User, alice: User) -> None:
    request = ask(house, dave)
    assert (request.cpuids, request.bridges) == ([0, 1], ["service"])  # as now
    assert letters_to(root) == ["robur asks for more on fra-1"]
    assert "8 unikernels, 512 MB of memory, no blocks" in root.letters.get().text
    assert letters_to(alice) == []
    assert Event.objects.get(kind="quota-request.asked").reason == WANTED["why"]


def test_a_viewer_does_not_ask_and_nobody_asks_twice_or_without_a_reason(
    house: House, dave: User, bob: User
) -> None:
    with pytest.raises(Forbidden):
        ask(house, bob)
    with pytest.raises(Invalid) as caught:
        ask(house, dave, why=" ", memory=-1)
    assert set(caught.value.fields) == {"why", "memory"}
    ask(house, dave)
    ask(house, dave, instance=None)
    for place in (house.instance, None):
        with pytest.raises(Conflict, match="waits"):
            ask(house, dave, instance=place)


def test_what_is_granted_is_a_quota_like_any_other(house: House, dave: User, root: User) -> None:
    request = ask(house, dave)
    quota = request_grant(actor=by(root), request=request, answer="Enjoy.")
    assert quota.policy() == request.policy()
    assert quota.state == "pending"  # nobody answers at its address
    assert (request.state, request.answered_by, request.answer) == ("granted", root, "Enjoy.")
    (letter,) = dave.letters.all()
    assert letter.subject == "robur on fra-1: granted"
    assert "does not hold it yet" in letter.text
    with pytest.raises(Missing):
        request_grant(actor=by(root), request=request)


def test_where_there_is_room_is_said_by_the_superuser(house: House, dave: User, root: User) -> None:
    request = ask(house, dave, instance=None)
    with pytest.raises(Invalid, match="which instance"):
        request_grant(actor=by(root), request=request)
    less = Policy(2, frozenset({0}), 64, None, frozenset())
    quota = request_grant(actor=by(root), request=request, instance=house.instance, policy=less)
    assert quota.policy() == less


def test_what_is_declined_says_why(house: House, dave: User, root: User) -> None:
    request = ask(house, dave)
    with pytest.raises(Invalid):
        request_decline(actor=by(root), request=request, answer="")
    request_decline(actor=by(root), request=request, answer="fra-1 is full.")
    assert "fra-1 is full." in dave.letters.get().text
    assert Quota.objects.get().policy() == house.quota.policy()
    ask(house, dave)


def test_what_is_withdrawn_cannot_be_answered(house: House, dave: User, root: User) -> None:
    request = ask(house, dave)
    request_withdraw(actor=by(dave), request=request)
    with pytest.raises(Missing):
        request_decline(actor=by(root), request=request, answer="no")
    with pytest.raises(Forbidden):
        request_decline(actor=by(dave), request=request, answer="no")


# --- pages -------------------------------------------------------------------------------------------


def test_from_the_question_to_the_grant_on_pages(
    house: House, dave: User, root: User, client_of: ClientOf
) -> None:
    team, superuser = client_of(dave), client_of(root)
    form = team.get("/quotas/ask/?for=robur&on=fra-1").text
    assert 'value="256"' in form  # what it has
    asked = {"team": "robur", "instance": "fra-1", **WANTED, "block": ""}
    path = team.post("/quotas/ask/", asked).headers["Location"]
    assert "Decline" not in team.get(path).text
    assert "asked for" in superuser.get("/").text
    grant = f"/quotas/robur/fra-1/?request={QuotaRequest.objects.get().pk}"
    assert grant in superuser.get(path).text
    page = superuser.get(grant).text
    assert WANTED["why"] in page
    limits = {"unikernels": "8", "memory": "512", "block": "", "cpuids": "0-1", "bridges": "service"}
    page = superuser.post(grant, limits).text
    seen = re.search(r'name="seen" value="([^"]+)"', page)
    assert seen is not None
    superuser.post(grant, limits | {"seen": html.unescape(seen[1]), "answer": "Enjoy."})
    assert "Enjoy." in team.get(path).text
    assert "asked for" not in superuser.get("/").text


def test_a_superuser_declines_on_the_page_and_others_cannot(
    house: House, dave: User, root: User, client_of: ClientOf
) -> None:
    path = f"/quota-requests/{house.asked.pk}/decline/"
    assert client_of(dave).post(path, {"answer": "no"}).status_code == 404
    client_of(root).post(path, {"answer": "fra-1 is full."})
    assert "fra-1 is full." in client_of(dave).get(f"/quota-requests/{house.asked.pk}/").text


def test_strangers_see_no_request(house: House, charlie: User, client_of: ClientOf) -> None:
    client = client_of(charlie)
    assert client.get(f"/quota-requests/{house.asked.pk}/").status_code == 404
    assert "fra-1" not in client.get("/quotas/ask/").text


def test_superusers_see_every_domain_of_an_instance(house: House, root: User, client_of: ClientOf) -> None:
    ObservedPolicy.objects.create(
        instance=house.instance,
        path="foreign",
        unikernels=3,
        memory=900,
        observed_at=house.team.created_at,
    )
    page = client_of(root).get("/quotas/").text
    assert "<code>foreign</code>" in page
    assert "<code>legacy</code>" in page  # without limits, but something of it runs
    assert "128 of 1,024 MB" in page  # all that is used of what there is
    assert "896 free</span>" in page
    assert "1,156 promised" in page
    assert "too much" in page


def test_the_page_costs_the_same_for_many(house: House, root: User, dave: User, client_of: ClientOf) -> None:
    counts: dict[str, list[int]] = {"root": [], "dave": []}
    for number in range(3):
        for name, user in (("root", root), ("dave", dave)):
            client = client_of(user)
            client.get("/quotas/")
            with CaptureQueriesContext(connection) as queries:
                client.get("/quotas/")
            counts[name].append(len(queries))
        team = Team.objects.create(name=f"t{number}", domain=f"t{number}")
        place = instance_row(f"ams-{number}")
        share(team, place)
        share(house.team, place)
    assert {len(set(found)) for found in counts.values()} == {1}, counts
    assert max(counts["root"] + counts["dave"]) <= 25


# --- commands ----------------------------------------------------------------------------------------


def test_operators_ask_list_and_answer(house: House, root: User, run: Run) -> None:
    words = ("robur", "fra-1", "--unikernels", 8, "--memory", 512, "--why", "growth")
    assert run("quota_request", *words, "--dry-run").code == 0
    assert not QuotaRequest.objects.exists()
    made = run("quota_request", *words, "--json").json
    assert made["wanted"]["memory"] == 512
    assert "growth" in run("quota_requests").out
    assert "256 MB → 512 MB" in run("quota_answer", made["id"], "--grant", "--dry-run").out
    assert run("quota_answer", made["id"], "--decline", "full").code == 0
    assert run("quota_answer", made["id"], "--decline", "full").code == 3
    assert run("quota_requests", "--json").json == []
    assert run("quota_requests", "--all", "--json").json[0]["answer"] == "full"
    assert Letter.objects.filter(user=root).count() == 1


def test_operators_list_quotas(house: House, run: Run) -> None:
    out = run("quota_list").out
    assert "96 of 256, 160 free" in out
    assert run("quota_list", "--team", "robur", "--json").json[0]["free"]["memory"] == 160
    told = run("quota_set", "robur", "fra-1", "--unikernels", 1, "--memory", 64, "--cpu", 9, "--dry-run")
    assert told.code == 4
    assert "no CPU 9" in told.err


def test_what_is_open_is_shown_to_superusers_whichever_team_they_look_at(
    house: House, dave: User, root: User, charlie: User, client_of: ClientOf
) -> None:
    request = ask(house, dave)
    client = client_of(root)
    client.get("/", {"team": "charlie"})
    assert f"/quota-requests/{request.pk}/" in client.get("/quotas/").text

    request_decline(actor=by(root), request=request, answer="no")
    assert f"/quota-requests/{request.pk}/" not in client.get("/quotas/").text
