"""Deploy by job: builder, job, build, then the form that its manifest guides."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.pages.test_deploy import GOOD
from tests.pages.updates import Updates, build_told, told
from tests.pages.world import World
from unikernels.models import Lookup, Operation

HTMX = {"HX-Request": "true"}
WAITS = 'hx-trigger="every 1s"'
JOBS = "/builders/robur/"
BUILDS = "/builders/robur/jobs/static-website/"


def form_of(updates: Updates) -> str:
    return f"/deploy/robur/build/{updates.new.pk}/"


def test_builders_are_offered_beside_images(updates: Updates, deployer: Client) -> None:
    assert f'href="{JOBS}"' in deployer.get("/deploy/").text


def test_without_a_builder_nothing_is_offered(world: World, deployer: Client) -> None:
    assert "A build" not in deployer.get("/deploy/").text
    assert "No builder is known here" in deployer.get(f"/unikernels/{world.web.pk}/upgrade/").text


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["static-website", "dns-primary-git", "tlstunnel", "caldav", "qubes-firewall"]),
        ("dns", ["dns-primary-git"]),
        ("SERVER git", ["dns-primary-git"]),
        ("<b>", []),
    ],
)
def test_jobs_are_searched_by_name_and_synopsis(
    updates: Updates, deployer: Client, search: str, found: list[str]
) -> None:
    response = deployer.get(JOBS, {"q": search})

    assert [job["name"] for job in response.context["jobs"]] == found
    assert "<b>" not in response.text


def test_many_jobs_are_shown_in_part_and_found_by_searching(updates: Updates, deployer: Client) -> None:
    many = [told(f"job-{number}", "") for number in range(250)]
    Lookup.objects.filter(what=Lookup.What.JOBS).update(data=many)

    assert "And 50 more: search for one." in deployer.get(JOBS).text
    assert "job-249" in deployer.get(f"{JOBS}?q=249").text


def test_builds_are_listed_newest_first_with_what_they_need(updates: Updates, deployer: Client) -> None:
    page = deployer.get(BUILDS).text

    assert page.index(updates.new.digest[:8]) < page.index(updates.old.digest[:8])
    assert "net service, hvt ABI 2" in page
    assert f'href="{form_of(updates)}"' in page


def test_for_a_unikernel_builds_lead_to_its_upgrade(updates: Updates, deployer: Client) -> None:
    web = updates.world.web
    page = deployer.get(f"{BUILDS}?for={web.pk}").text

    assert f"/unikernels/{web.pk}/upgrade/?build={updates.new.pk}" in page
    assert f"/unikernels/{web.pk}/changes/?build={updates.new.pk}" in page
    assert f"upgrade/?build={updates.old.pk}" not in page  # it runs
    assert ">runs</span>" in page


@pytest.mark.parametrize(
    ("path", "what", "data"),
    [
        ("/builders/robur/jobs/dnsvizor/", Lookup.What.BUILDS, []),
        ("/builders/robur/", Lookup.What.JOBS, [told("new-job", "")]),
    ],
)
def test_a_page_never_waits_for_a_builder_and_looks_each_second(
    updates: Updates, deployer: Client, path: str, what: str, data: Any
) -> None:
    Lookup.objects.filter(what=Lookup.What.JOBS).delete()
    first = deployer.get(path).text
    assert WAITS in first
    assert f'href="{path}">Look again</a>' in first

    Lookup.objects.filter(what=what, answered_at=None).update(answered_at=timezone.now(), data=data)

    last = deployer.get(path, headers=HTMX).text
    assert last.strip().startswith('<div id="live"')
    assert WAITS not in last
    assert "is asked" not in last


def test_an_old_answer_is_shown_while_the_builder_is_asked_anew(updates: Updates, deployer: Client) -> None:
    deployer.post(JOBS)
    page = deployer.get(JOBS).text

    assert "is asked again; this is from" in page
    assert "tlstunnel" in page
    assert WAITS in page


def test_a_builder_that_is_away_is_told_and_what_it_said_before_is_shown(
    updates: Updates, deployer: Client
) -> None:
    Lookup.objects.filter(what=Lookup.What.JOBS).update(trouble_text="It could not be reached.")
    page = deployer.get(JOBS).text

    assert "could not tell: It could not be reached. This is what it told before." in page
    assert "tlstunnel" in page


def test_a_team_without_a_place_is_told_and_others_are_offered(updates: Updates, deployer: Client) -> None:
    page = deployer.get(f"/deploy/dave/build/{updates.new.pk}/").text

    assert "There is no place for it yet" in page
    assert f'href="{form_of(updates)}"' in page


def test_a_builder_or_job_that_is_not_there_is_told(updates: Updates, deployer: Client) -> None:
    assert deployer.get("/builders/nowhere/").status_code == 404
    assert deployer.get("/builders/robur/jobs/%3F/").status_code == 400


def test_a_unikernel_of_others_is_not_upgraded_from_here(
    updates: Updates, stranger: Client, charlie: User
) -> None:
    assert stranger.get(f"{BUILDS}?for={updates.world.web.pk}").status_code == 404


def test_the_form_has_a_choice_for_each_device_of_the_manifest(updates: Updates, deployer: Client) -> None:
    page = deployer.get(f"/deploy/robur/build/{updates.grown.pk}/").text

    assert "Network device “service”" in page
    assert "Block device “storage”" in page
    assert "Block device “cache”" in page
    assert "at robur" in page


def test_going_deploys_the_build(updates: Updates, deployer: Client) -> None:
    plan = deployer.post(form_of(updates), GOOD | {"action": "plan"}).text
    assert "download it from robur and verify its SHA-256" in plan

    deployer.post(form_of(updates), GOOD | {"action": "go"})

    operation = Operation.objects.get(unikernel__name="shop")
    assert operation.target is not None
    assert (operation.target.build, operation.target.digest) == (updates.new, updates.new.digest)


def test_a_build_that_does_not_tell_its_devices_is_looked_at_later(
    updates: Updates, deployer: Client
) -> None:
    silent = updates.build("static-website", 0, devices=None)
    page = deployer.get(f"/deploy/robur/build/{silent.pk}/").text

    assert "It is looked at once it is downloaded" in page


def test_a_build_that_vanished_from_the_rows_is_left_out(updates: Updates, deployer: Client) -> None:
    gone = build_told(updates.new) | {"uuid": "11111111-1111-4111-8111-111111111111"}
    Lookup.objects.filter(what=Lookup.What.BUILDS).update(data=[gone, build_told(updates.old)])

    assert deployer.get(BUILDS).context["builds"] == [updates.old]
