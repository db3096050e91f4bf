"""The first page: problems first, bounded work however much runs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actors import SYSTEM
from accounts.services import user_activate, user_deactivate, user_register
from albatross.models import Instance
from tests.api.house import share
from tests.cast import ClientOf, person
from tests.pages.care import TCP, check_of
from tests.pages.stage import alice, robur, stage, world
from tests.pages.usage import loops
from tests.pages.world import World, crowd
from unikernels.models import Unikernel
from unikernels.pages import overview

__all__ = ["alice", "robur", "stage", "world"]


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


@pytest.mark.parametrize(("path", "at_most"), [("/", 18), ("/unikernels/", 10), ("/instances/fra-1/", 18)])
def test_fifty_unikernels_cost_no_more_queries_than_ten(
    world: World, deployer: Client, path: str, at_most: int
) -> None:
    client = deployer
    few = queries(client, path)
    crowd(world.team, world.near, world.web_image.image, 40)

    assert queries(client, path) == few <= at_most


def test_what_is_wrong_is_told_however_far_down_the_list_it_stands(
    world: World, deployer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "MAX_ROWS", 2)
    page = deployer.get("/").text

    assert page.count('<th scope="row"') == 2
    assert f"{world.outside.name}</strong> on fra-1 was changed outside" in " ".join(page.split())
    mine = Unikernel.objects.filter(team=world.team).count()
    assert f"All {mine}<" in page
    assert f"And {mine - 2} more" in page
    problems = deployer.get("/unikernels/?state=problems").text.count('<th scope="row"')
    assert f"Problems {problems}<" in page


def test_a_crash_loop_is_told_before_everything_else(world: World, deployer: Client) -> None:
    loops(world.store, timezone.now())
    page = deployer.get("/").text

    assert page.index("is in a crash loop") < page.index("has not answered") < page.index("is missing")


def test_problems_stand_before_everything_else_and_in_sentences(world: World, deployer: Client) -> None:
    page = deployer.get("/").text

    assert "has not answered for 2 min" in page
    assert "connection refused" in page
    assert "Rolled back: It ended within 10 s. Version 1 runs again." in page
    assert "is missing: it is gone, and nobody here stopped it." in page
    assert "was changed outside" in page
    assert page.index("has not answered") < page.index("Running now") < page.index('id="unikernels"')


def test_only_superusers_are_offered_to_retry_an_instance(
    world: World, deployer: Client, superuser: Client
) -> None:
    assert "/instances/hel-2/retry/" not in deployer.get("/").text
    assert "/instances/hel-2/retry/" in superuser.get("/").text


def test_a_problem_that_was_mended_since_is_none(world: World, deployer: Client) -> None:
    world.failed(world.old, finished_at=timezone.now() - timedelta(hours=2))
    client = deployer
    assert "It was created and ended within 10 s." in client.get("/").text

    world.failed(world.old, state="succeeded", running="", reason="")

    assert "It was created and ended within 10 s." not in client.get("/").text


def test_a_failure_of_the_day_before_yesterday_is_history(world: World, deployer: Client) -> None:
    world.failed(world.old, finished_at=timezone.now() - timedelta(days=2))

    assert "It was created and ended within 10 s." not in deployer.get("/").text


def test_a_check_that_is_down_is_a_problem(world: World, deployer: Client) -> None:
    check_of(world.store, "web", "tcp", TCP, state="down")

    assert "does not answer as it should: one of its checks is down." in deployer.get("/").text
    assert "store</a>" in deployer.get("/?only=problems").text
    assert "store</a>" in deployer.get("/unikernels/?state=problems").text


def test_the_list_can_be_narrowed_to_problems(world: World, deployer: Client) -> None:
    page = deployer.get("/?only=problems").text
    rows = page[page.index("<tbody>") :]

    assert "dns-primary" in rows
    assert "static-website" not in rows


def test_an_instance_that_nobody_asks_is_told_apart_from_one_that_does_not_answer(
    world: World, deployer: Client
) -> None:
    Instance.objects.filter(pk=world.near.pk).update(seen_at=timezone.now() - timedelta(minutes=5))

    assert "has not been asked for 5 min: no watcher runs." in deployer.get("/").text


def test_what_is_under_way_shows_its_steps(world: World, deployer: Client) -> None:
    page = deployer.get("/").text
    running = page[page.index("Running now") :]

    assert "tlstunnel" in running
    assert 'aria-current="step"' in running


def test_a_poll_gets_the_living_part_alone(world: World, deployer: Client) -> None:
    part = deployer.get("/", headers={"HX-Request": "true"}).text

    assert part.strip().startswith('<div id="live"')
    assert "<html" not in part


def test_a_poll_after_the_session_ended_reloads_the_page(db: None, client: Client) -> None:
    response = client.get("/", headers={"HX-Request": "true"})

    assert response.headers["HX-Refresh"] == "true"
    assert response.text == ""


def test_a_newcomer_with_a_quota_is_shown_the_way(world: World, client_of: ClientOf) -> None:
    newcomer = person("nora")
    share(newcomer.personal_team, world.near)

    page = client_of(newcomer).get("/").text

    assert "Nothing runs yet" in page
    assert 'href="/deploy/"' in page


def test_a_newcomer_without_a_quota_is_told_what_is_missing(stranger: Client) -> None:
    page = stranger.get("/").text

    assert "A superuser grants your team a quota" in page
    assert 'href="/deploy/"' not in page


def test_the_team_switch_narrows_every_page_until_it_is_changed(world: World, superuser: Client) -> None:
    client = superuser
    client.get("/?team=alice")
    assert "static-website" not in client.get("/unikernels/").text

    client.get("/?team=")
    assert "static-website" in client.get("/unikernels/").text


def test_a_team_of_others_cannot_be_switched_to(world: World, stranger: Client) -> None:
    assert "static-website" not in stranger.get("/?team=robur").text


def test_superusers_are_told_who_waits_to_be_let_in_and_others_are_not(
    world: World, deployer: Client, superuser: Client
) -> None:
    assert "to be let in" not in superuser.get("/").text
    waits = user_register(email="nora@example.org", password="some long words")
    shut_out = user_deactivate(actor=SYSTEM, user=person("shut"))

    assert not shut_out.is_active
    assert "1 account</strong> waits to be let in" in superuser.get("/").text
    assert "to be let in" not in deployer.get("/").text

    user_activate(actor=SYSTEM, user=waits)
    assert "to be let in" not in superuser.get("/").text
