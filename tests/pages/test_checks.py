"""Checks on the pages: the card, one check with its history, the forms, automatic restarts."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
from django.test import Client

from accounts.models import Event
from albatross.models import Instance
from tests.pages.care import TCP, check_of
from tests.pages.stage import alice, robur, stage, world
from tests.pages.world import World
from unikernels.models import Check, CheckResult, Unikernel

__all__ = ["alice", "robur", "stage", "world"]

HTMX = {"HX-Request": "true"}
HTTP = {"url": "http://192.0.43.8/", "low": "200", "high": "299", "text": "", "verify": "on"}
SHARED = {"called": "site", "seconds": "30"}


@pytest.fixture
def listener(simulated_network: str) -> Iterator[str]:
    """An address that takes connections."""
    with socket.create_server((simulated_network.replace("0/24", "202"), 0)) as server:
        host, port = server.getsockname()
        yield f"{host}:{port}"


def path_of(thing: Unikernel, rest: str = "") -> str:
    return f"/unikernels/{thing.pk}/checks/{rest}"


def card(client: Client, thing: Unikernel) -> str:
    return client.get(path_of(thing), headers=HTMX).text


# --- the card ----------------------------------------------------------------------------------------


def test_the_card_says_how_each_check_stands_in_words_and_numbers(world: World, viewer: Client) -> None:
    page = viewer.get(f"/unikernels/{world.dns.pk}/").text

    assert '<span class="badge bad">down</span>' in page
    assert "10.0.0.3:53 knows example.org A" in page
    assert "22 of 25 passed, 3 failed" in page
    assert "The connection is refused: nothing listens there." in page


def test_the_bars_are_told_to_who_does_not_see_them(world: World, viewer: Client) -> None:
    label = 'aria-label="Last 25 results: 22 passed'.replace("22 passed", "22 of 25 passed, 3 failed; ")

    assert label in card(viewer, world.dns)


def test_the_card_polls_by_itself_and_is_answered_alone(world: World, viewer: Client) -> None:
    page = card(viewer, world.web)

    assert page.strip().startswith('<section id="checks"')
    assert 'hx-trigger="every 10s"' in page
    assert viewer.get(path_of(world.web)).headers["Location"] == f"/unikernels/{world.web.pk}/#checks"


def test_viewers_see_checks_and_change_none(world: World, viewer: Client) -> None:
    assert "/edit/" not in card(viewer, world.web)
    assert viewer.post(path_of(world.web, f"{world.up.pk}/remove/")).status_code == 403
    assert viewer.post(path_of(world.web, "add/tcp/"), SHARED | TCP).status_code == 403
    assert viewer.post(f"/unikernels/{world.web.pk}/restarts/", {"restart_after": "3"}).status_code == 403


def test_what_does_not_run_is_not_asked_and_says_so(world: World, viewer: Client) -> None:
    Unikernel.objects.filter(pk=world.dns.pk).update(state=Unikernel.Presence.STOPPED)

    assert '<span class="badge idle">paused</span>' in card(viewer, world.dns)


def test_a_full_card_offers_no_more(world: World, deployer: Client) -> None:
    for number in range(9):
        check_of(world.dns, f"c{number}", "tcp", TCP)

    assert "/add/http/" not in card(deployer, world.dns)


def test_what_a_check_found_is_shown_as_text(world: World, viewer: Client) -> None:
    CheckResult.objects.filter(check_row=world.down).update(text="<script>alert(1)</script>")

    page = viewer.get(path_of(world.dns, f"{world.down.pk}/")).text + card(viewer, world.dns)

    assert "<script>alert" not in page


# --- one check ---------------------------------------------------------------------------------------


def test_the_history_tells_ups_and_downs_with_how_long(world: World, viewer: Client) -> None:
    page = viewer.get(path_of(world.web, f"{world.up.pk}/")).text

    assert "Down once in 7 days, 30 min in all" in page
    assert re.findall(r'<th scope="row"><span class="badge \w+">(\w+)</span>', page)[:3] == [
        "up",
        "down",
        "up",
    ]
    assert "30 min" in page


def test_uptime_is_of_a_day_and_of_a_week(world: World, viewer: Client) -> None:
    page = viewer.get(path_of(world.web, f"{world.up.pk}/"))

    assert page.context["uptimes"] == [(1, "97.91 %"), (7, "99.70 %")]


def test_results_come_a_page_at_a_time(world: World, viewer: Client) -> None:
    path = path_of(world.web, f"{world.up.pk}/")
    first = viewer.get(path)
    second = viewer.get(path + first.context["list"].next)

    seen = [result["at"] for response in (first, second) for result in response.context["list"].items]
    assert len(seen) == len(set(seen)) == 100
    assert seen == sorted(seen, reverse=True)


def test_a_check_of_another_unikernel_is_not_found_here(world: World, deployer: Client) -> None:
    for rest in ("", "edit/", "remove/"):
        assert deployer.get(path_of(world.dns, f"{world.up.pk}/{rest}")).status_code == 404


# --- the forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "beginning"),
    [("http", "http://10.0.0.2/"), ("dns", "10.0.0.2:53"), ("tcp", "10.0.0.2:443")],
)
def test_a_new_form_begins_with_the_address_that_the_unikernel_was_given(
    world: World, deployer: Client, kind: str, beginning: str
) -> None:
    assert f'value="{beginning}"' in deployer.get(path_of(world.store, f"add/{kind}/")).text


def test_a_new_form_begins_with_a_name_that_is_free(world: World, deployer: Client) -> None:
    assert 'value="web-2"' in deployer.get(path_of(world.web, "add/http/")).text
    assert 'value="web"' in deployer.get(path_of(world.store, "add/http/")).text


def test_a_check_is_added_as_it_was_filled_in(world: World, deployer: Client) -> None:
    response = deployer.post(
        path_of(world.store, "add/http/"), SHARED | HTTP | {"text": "Hello"}, follow=True
    )

    assert response.redirect_chain == [(f"/unikernels/{world.store.pk}/#checks", 302)]
    assert "The check site is added" in response.text
    check = Check.objects.get(unikernel=world.store)
    assert (check.name, check.kind, check.seconds) == ("site", "http", 30)
    assert check.settings == {
        "url": "http://192.0.43.8/",
        "connect": None,
        "status": [200, 299],
        "text": "Hello",
        "verify": True,
    }


@pytest.mark.parametrize(
    ("kind", "fields", "complaint"),
    [
        ("http", HTTP | {"url": "ftp://192.0.43.8/"}, "A URL begins with http:// or https://."),
        ("http", HTTP | {"url": ""}, "This field is required."),
        ("http", HTTP | {"low": "400"}, "Write the lowest and the highest good status"),
        ("http", HTTP | {"connect": "example.org"}, "Write an IP address"),
        ("dns", {"server": "192.0.43.8", "name": "a..b", "type": "A"}, "This is not a name of the DNS."),
        (
            "dns",
            {"server": "192.0.43.8", "name": "b", "type": "A", "answer": "::1"},
            "This is not the content of a record A.",
        ),
        ("tcp", {"address": "192.0.43.8"}, "The port is missing"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_rest_stays(
    world: World, deployer: Client, kind: str, fields: dict[str, str], complaint: str
) -> None:
    response = deployer.post(path_of(world.store, f"add/{kind}/"), SHARED | fields)

    assert response.status_code == 422
    assert complaint in response.text
    assert 'value="site"' in response.text
    assert not Check.objects.filter(unikernel=world.store).exists()


def test_a_name_that_is_taken_is_said_at_the_name(world: World, deployer: Client) -> None:
    response = deployer.post(
        path_of(world.web, "add/tcp/"), {"called": "web", "seconds": "30", "address": "192.0.43.8:1"}
    )

    assert response.context["form"].errors == {"called": ["It has a check called web already."]}


def test_a_private_address_is_refused_with_what_a_superuser_would_have_to_allow(
    world: World, deployer: Client
) -> None:
    page = deployer.post(path_of(world.store, "add/tcp/"), SHARED | {"address": "10.0.0.2:22"}).text

    assert "10.0.0.2 is a private address" in page
    assert "A superuser can allow it" in page
    assert "check networks of fra-1" in page


@pytest.mark.parametrize("address", ["127.0.0.1:22", "169.254.169.254:80"])
def test_nobody_is_sent_to_a_superuser_for_what_none_can_allow(
    world: World, deployer: Client, address: str
) -> None:
    response = deployer.post(path_of(world.store, "add/tcp/"), SHARED | {"address": address})

    assert response.status_code == 422
    assert "checks never reach it" in response.text
    assert "A superuser can allow it" not in response.text


def test_what_checks_may_reach_is_said(world: World, deployer: Client, superuser: Client) -> None:
    Instance.objects.filter(pk=world.near.pk).update(check_networks=["10.0.0.0/24"])
    path = path_of(world.store, "add/tcp/")

    assert "10.0.0.0/24" in deployer.get(path).text
    assert "/instances/fra-1/edit/" not in deployer.get(path).text
    assert "/instances/fra-1/edit/" in superuser.get(path).text


def test_trying_shows_what_was_found_and_saves_nothing(world: World, deployer: Client, listener: str) -> None:
    fields = SHARED | {"address": listener, "action": "try"}
    response = deployer.post(path_of(world.store, "add/tcp/"), fields)

    assert response.status_code == 200
    assert "Tried once: passed" in response.text
    assert "It takes connections." in response.text
    assert "Nothing is saved yet." in response.text
    assert not Check.objects.filter(unikernel=world.store).exists()


def test_trying_what_does_not_answer_is_no_mistake_of_the_form(
    world: World, deployer: Client, simulated_network: str
) -> None:
    fields = SHARED | {"address": simulated_network.replace("0/24", "203:1"), "action": "try"}
    response = deployer.post(path_of(world.store, "add/tcp/"), fields)

    assert response.status_code == 200
    assert "Tried once: failed" in response.text


def test_a_check_is_changed_with_what_it_had_filled_in(world: World, deployer: Client) -> None:
    path = path_of(world.dns, f"{world.down.pk}/edit/")
    assert 'value="10.0.0.3:53"' in deployer.get(path).text

    fields = {"called": "zone", "seconds": "300", "server": "192.0.43.8", "name": "robur.coop", "type": "SOA"}
    assert deployer.post(path, fields).status_code == 302

    world.down.refresh_from_db()
    assert (world.down.seconds, world.down.state) == (300, Check.State.UNKNOWN)
    assert world.down.settings["server"] == "192.0.43.8:53"


def test_a_check_is_removed_after_a_question(world: World, deployer: Client) -> None:
    path = path_of(world.web, f"{world.up.pk}/remove/")
    assert "Remove the check web?" in deployer.get(path).text

    response = deployer.post(path, follow=True)

    assert "The check web is removed." in response.text
    assert not Check.objects.filter(pk=world.up.pk).exists()
    assert Event.objects.filter(kind="check.removed", subject=f"unikernel:{world.web.pk}").exists()


def test_there_are_three_kinds(world: World, deployer: Client) -> None:
    assert deployer.get(path_of(world.web, "add/icmp/")).status_code == 404


@pytest.mark.parametrize("page", ["checks/add/tcp/", "restarts/", "updates/"])
def test_what_belongs_to_no_team_is_not_looked_after(world: World, superuser: Client, page: str) -> None:
    response = superuser.get(f"/unikernels/{world.unmanaged.pk}/{page}")

    assert response.status_code == 422
    assert "wiki belongs to no team here" in response.text
    assert "By itself" not in superuser.get(f"/unikernels/{world.unmanaged.pk}/").text


# --- automatic restarts ------------------------------------------------------------------------------


def test_restarts_by_itself_are_set_and_taken_back(world: World, deployer: Client) -> None:
    path = f"/unikernels/{world.web.pk}/restarts/"

    response = deployer.post(path, {"restart_after": "3"}, follow=True)
    assert response.text.count("It is restarted by itself after 3 failed rounds of a check in a row.") == 2

    deployer.post(path, {"restart_after": ""})
    assert Unikernel.objects.get(pk=world.web.pk).restart_after is None


def test_one_failed_round_is_no_reason_to_restart(world: World, deployer: Client) -> None:
    response = deployer.post(f"/unikernels/{world.web.pk}/restarts/", {"restart_after": "1"})

    assert response.status_code == 422
    assert Unikernel.objects.get(pk=world.web.pk).restart_after is None


def test_without_a_check_the_page_says_that_nothing_would_restart_it(world: World, deployer: Client) -> None:
    assert "It has no check yet" in deployer.get(f"/unikernels/{world.store.pk}/restarts/").text
