"""The list of unikernels, one of them, and its buttons."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.actors import SYSTEM
from accounts.events import record
from accounts.models import Event, User
from tests.pages.stage import alice, robur, stage, world
from tests.pages.world import World, crowd
from unikernels.models import Operation, Unikernel

__all__ = ["alice", "robur", "stage", "world"]

HTMX = {"HX-Request": "true"}


def names(page: str) -> list[str]:
    """The names in the table of a page, in their order."""
    return [part.split("</a>")[0].split(">")[-1] for part in page.split('<th scope="row">')[1:]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=DNS", ["dns-primary"]),
        ("state=stopped", ["old-blog"]),
        ("state=missing", ["resolver"]),
        ("state=problems", ["dns-primary", "mirror", "resolver"]),
        ("state=under-way", ["tlstunnel"]),
        ("instance=hel-2", ["caldav"]),
        ("q=d&instance=fra-1&state=running", ["dns-primary", "started-by-hand"]),
        ("q=' OR 1=1", []),
    ],
)
def test_the_list_is_searched_and_narrowed(
    world: World, deployer: Client, query: str, found: list[str]
) -> None:
    assert names(deployer.get(f"/unikernels/?{query}").text) == found


def test_nothing_that_exists_is_skipped_or_told_twice_over_pages(world: World, deployer: Client) -> None:
    crowd(world.team, world.near, world.web_image.image, 120)
    client, query, seen = deployer, "?q=crowd", []
    while query:
        response = client.get(f"/unikernels/{query}")
        seen += names(response.text)
        query = response.context["list"].next

    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 120


def test_a_cursor_that_is_none_is_told_so(world: World, deployer: Client) -> None:
    response = deployer.get("/unikernels/?after=rubbish")

    assert response.status_code == 400
    assert "That could not be read" in response.text


def test_viewers_see_which_arguments_there_are_but_not_what_they_hold(world: World, viewer: Client) -> None:
    page = viewer.get(f"/unikernels/{world.web.pk}/").text

    assert "--password=***" in page
    assert "swordfish" not in page
    assert "Values are hidden" in page


def test_deployers_see_arguments(world: World, deployer: Client) -> None:
    assert "--password=swordfish" in deployer.get(f"/unikernels/{world.web.pk}/").text


@pytest.mark.parametrize(
    ("which", "offered"),
    [
        ("web", {"configure", "restart", "destroy"}),
        ("old", set()),
        ("gone", set()),
        ("outside", {"adopt", "destroy"}),
        ("found", {"adopt", "destroy"}),
    ],
)
def test_only_what_can_be_done_is_offered(
    world: World, deployer: Client, viewer: Client, which: str, offered: set[str]
) -> None:
    path = f"/unikernels/{getattr(world, which).pk}/"
    page = deployer.get(path).text

    found = {verb for verb in ("configure", "restart", "destroy", "adopt") if f'"{path}{verb}/"' in page}
    assert found == offered
    assert not any(f'"{path}{verb}/"' in viewer.get(path).text for verb in offered)


def test_what_is_stopped_can_be_deployed_again(world: World, deployer: Client) -> None:
    client = deployer
    page = client.get(f"/unikernels/{world.old.pk}/").text
    digest = world.web_image.image.digest
    link = f"/deploy/robur/{digest}/?instance=fra-1&amp;again={world.old.pk}.1"
    assert link in page

    form = client.get(link.replace("&amp;", "&")).text

    assert 'value="old-blog"' in form
    assert "--password=swordfish" in form


def test_a_version_of_a_unikernel_of_others_fills_in_nothing(
    world: World, stranger: Client, dave: User
) -> None:
    digest = world.web_image.image.digest

    assert stranger.get(f"/deploy/robur/{digest}/?again={world.old.pk}.1").status_code == 404


def test_a_restart_is_asked_for_once_and_then_begins(world: World, dave: User, deployer: Client) -> None:
    client, path = deployer, f"/unikernels/{world.web.pk}/"
    question = client.get(f"{path}restart/")
    assert "Restart static-website?" in question.text

    response = client.post(f"{path}restart/")

    assert response.headers["Location"] == path
    operation = Operation.objects.get(unikernel=world.web)
    assert (operation.kind, operation.requested_by, operation.finished_at) == ("restart", dave, None)


def test_a_double_click_leads_to_the_first_operation(world: World, deployer: Client) -> None:
    client, path = deployer, f"/unikernels/{world.web.pk}/destroy/"
    client.post(path)
    first = Operation.objects.get(unikernel=world.web)

    response = client.post(path, follow=True)

    assert response.redirect_chain == [(f"/operations/{first.pk}/", 302)]
    assert "is under way for robur:static-website" in response.text
    assert Operation.objects.filter(unikernel=world.web).count() == 1


def test_what_does_not_run_is_not_restarted_and_says_why(world: World, deployer: Client) -> None:
    response = deployer.post(f"/unikernels/{world.old.pk}/restart/", follow=True)

    assert "does not run. Deploy it again." in response.text
    assert not Operation.objects.filter(unikernel=world.old).exists()


@pytest.mark.parametrize("verb", ["restart", "destroy", "configure", "adopt"])
def test_viewers_change_nothing_and_strangers_find_nothing(
    world: World, viewer: Client, stranger: Client, verb: str
) -> None:
    path = f"/unikernels/{world.found.pk}/{verb}/"

    assert viewer.post(path).status_code == 403
    assert stranger.post(path).status_code == 404
    assert not Operation.objects.filter(unikernel=world.found).exists()
    assert world.found.versions.count() == 0


def test_what_was_started_outside_is_adopted(world: World, deployer: Client) -> None:
    response = deployer.post(f"/unikernels/{world.found.pk}/adopt/", follow=True)

    assert "started-by-hand is adopted" in response.text
    assert Unikernel.objects.get(pk=world.found.pk).current is not None


def test_a_poll_shows_the_facts_alone(world: World, deployer: Client) -> None:
    response = deployer.get(f"/unikernels/{world.web.pk}/", headers=HTMX)

    assert response.text.strip().startswith('<div id="live"')
    assert 'hx-trigger="every 10s"' in response.text
    assert "<dialog" not in response.text


def watched(client: Client, world: World) -> str:
    """What a poll of the busy unikernel is answered with."""
    path = f"/unikernels/{world.tunnel.pk}/?operation={world.busy.pk}"
    return client.get(path, headers=HTMX).headers.get("HX-Refresh", "")


def test_a_poll_that_watches_an_operation_reloads_the_page_at_its_end(world: World, deployer: Client) -> None:
    client = deployer
    assert 'hx-trigger="news, every 2s"' in client.get(f"/unikernels/{world.tunnel.pk}/").text
    assert watched(client, world) == ""

    Operation.objects.filter(pk=world.busy.pk).update(state="succeeded", finished_at=world.now)

    assert watched(client, world) == "true"


def test_a_failed_deploy_shows_the_words_and_the_last_console_lines(world: World, deployer: Client) -> None:
    world.failed(world.gone, reason="The instance says: no such bridge.")
    page = deployer.get(f"/unikernels/{world.gone.pk}/").text

    assert "The instance says: no such bridge. resolver does not run." in page
    assert "zone file: no SOA record" in page


def test_the_timeline_leaves_the_steps_to_the_page_of_the_operation(world: World, deployer: Client) -> None:
    page = deployer.get(f"/unikernels/{world.dns.pk}/").text
    assert Event.objects.filter(subject=f"unikernel:{world.dns.pk}", now="observe").exists()

    assert "Goes back to what ran before" in page
    assert "Look what the instance made of it" not in page


def test_console_text_is_shown_as_text(world: World, deployer: Client) -> None:
    world.failed(world.gone, memo={"console": ["<script>alert(1)</script>"], "ended_in": "prove"})
    page = deployer.get(f"/unikernels/{world.gone.pk}/").text

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_whoever_looks_sees_which_version_runs(world: World, viewer: Client, deployer: Client) -> None:
    for client in (viewer, deployer):
        assert '<span class="tag ok">current</span>' in client.get(f"/unikernels/{world.web.pk}/").text
        assert '<span class="tag idle">last</span>' in client.get(f"/unikernels/{world.old.pk}/").text


def test_the_log_calls_things_by_their_names_and_finds_them_by_their_numbers(
    world: World, superuser: Client
) -> None:
    subject = f"unikernel:{world.web.pk}"
    record(actor=SYSTEM, kind="unikernel.returned", subject=subject, team=world.team)
    record(actor=SYSTEM, kind="instance.online", subject="instance:1", instance=world.near)
    page = superuser.get("/audit/").text

    assert f'title="{subject}">static-website</a>' in page
    assert ">fra-1</a>" in page
    assert "static-website" in superuser.get(f"/audit/?subject={subject}").text


def test_what_is_missing_is_a_problem_until_a_deployer_dismisses_it(
    world: World, viewer: Client, deployer: Client
) -> None:
    path = f"/unikernels/{world.gone.pk}/"
    assert 'id="dismiss"' not in viewer.get(path).text
    assert 'id="dismiss"' in deployer.get(path).text
    assert "resolver" in names(deployer.get("/unikernels/?state=problems").text)

    world.failed(world.gone)
    assert "It was created and ended within 10 s." in deployer.get("/").text

    page = deployer.post(f"{path}dismiss/", follow=True).text

    assert "resolver is dismissed: it counts as stopped." in page
    assert "It was created and ended within 10 s." not in deployer.get("/").text
    assert 'id="dismiss"' not in page
    assert "resolver" not in names(deployer.get("/unikernels/?state=problems").text)
