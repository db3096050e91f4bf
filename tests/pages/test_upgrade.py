"""Upgrade, the way back, and putting a kept version in place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Event
from tests.pages.stage import alice, robur, stage, world
from tests.pages.updates import Updates
from unikernels.models import Check, Lookup, Operation, RollbackWindow, Unikernel, Version
from unikernels.operations.facts import Memo
from unikernels.operations.machine import Kind, State
from unikernels.versions import arguments_of

__all__ = ["alice", "robur", "stage", "world"]

KEPT = {
    "net-0": "service",
    "memory": "48",
    "cpuids": ["0"],
    "arguments": "--ipv4=10.0.0.2/24\n--password=swordfish",
    "restart": "never",
    "add_name": "on",
}


def asked(action: str, **fields: Any) -> dict[str, Any]:
    return KEPT | {"action": action} | fields


def page_of(unikernel: Unikernel, rest: str = "") -> str:
    return f"/unikernels/{unikernel.pk}/{rest}"


def to_newest(updates: Updates) -> str:
    return page_of(updates.world.web, f"upgrade/?build={updates.new.pk}")


# --- the page of a unikernel ---------------------------------------------------------------------------


def test_a_newer_build_is_shown_with_its_risk_and_two_buttons(updates: Updates, deployer: Client) -> None:
    page = deployer.get(page_of(updates.world.web)).text

    assert "A newer build is there" in page
    assert "risk: medium" in page
    assert "TLS and cryptography: tls 2.0.2 became 2.0.3." in page
    assert page_of(updates.world.web, "changes/") in page
    assert to_newest(updates) in page


def test_a_risk_that_nobody_looked_at_is_not_known(updates: Updates, deployer: Client) -> None:
    Lookup.objects.all().delete()
    page = deployer.get(page_of(updates.world.web)).text

    assert "risk not looked at yet" in page
    assert "risk: " not in page


def test_a_build_that_was_tried_and_went_back_is_marked(updates: Updates, deployer: Client) -> None:
    words = "It was put in place as version 1"
    assert words not in deployer.get(page_of(updates.world.web)).text

    first = updates.world.web.versions.get()
    Version.objects.filter(pk=first.pk).update(build=updates.new)
    memo = Memo(cause="Its checks failed.", ended_in="prove").to_json()
    bad = {"state": State.ROLLED_BACK, "going_back": True, "memo": memo}
    updates.finished(updates.world.web, Kind.UPGRADE, first, first, 3, **bad)

    assert words in deployer.get(page_of(updates.world.web)).text


def test_viewers_see_what_is_newer_and_change_nothing(updates: Updates, viewer: Client) -> None:
    page = viewer.get(page_of(updates.world.web)).text

    assert "A newer build is there" in page
    assert "/upgrade/" not in page


def test_other_devices_are_told_before_anything_else(updates: Updates, deployer: Client) -> None:
    page = deployer.get(page_of(updates.world.store)).text

    assert "It needs another configuration.</strong> Device cache (block) is new." in page


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        ("current", "the newest build"),
        ("rebuilt", "built again since, with the very same bytes"),
        ("unknown", "no builder has these bytes"),
    ],
)
def test_what_is_as_new_as_can_be_says_so_in_one_line(
    updates: Updates, deployer: Client, standing: str, words: str
) -> None:
    Unikernel.objects.filter(pk=updates.world.web.pk).update(standing=standing, newest=None)
    page = deployer.get(page_of(updates.world.web)).text

    assert words in page
    assert "A newer build is there" not in page


def test_versions_say_whether_their_bytes_are_kept(updates: Updates, deployer: Client) -> None:
    page = deployer.get(page_of(updates.answers)).text

    assert f"{page_of(updates.answers)}upgrade/?version=1" in page
    assert "its bytes were let go" in page
    assert "upgrade/?version=2" not in page
    assert "upgrade/?version=3" not in page  # it runs


def test_operations_of_a_unikernel_say_which_was_taken_back_and_why(updates: Updates, viewer: Client) -> None:
    page = viewer.get(page_of(updates.answers)).text

    assert page.count('<span class="tag bad">reverted</span>') == 1
    assert "2 of the last 10 checks failed: web: status 502." in page


# --- upgrade -------------------------------------------------------------------------------------------


def test_the_form_begins_with_what_it_runs_with(updates: Updates, deployer: Client) -> None:
    page = deployer.get(to_newest(updates)).text

    assert 'value="48"' in page
    assert "--password=swordfish" in page
    assert '<option value="service" selected>' in page


def test_the_form_asks_for_what_the_new_manifest_needs(updates: Updates, deployer: Client) -> None:
    page = deployer.get(page_of(updates.world.store, f"upgrade/?build={updates.grown.pk}")).text

    assert "Device cache (block) is new." in page
    assert "Block device “cache”" in page
    assert '<option value="data" selected>' in page  # its own, though it is in use


def test_a_build_that_does_not_tell_its_devices_says_so(updates: Updates, deployer: Client) -> None:
    silent = updates.build("static-website", 0, devices=None, target="", abi_version=None)
    page = deployer.get(page_of(updates.world.web, f"upgrade/?build={silent.pk}")).text

    assert "is not known before it is downloaded" in page
    assert "Network device “service”" in page


def test_the_plan_tells_the_download_and_what_changes(updates: Updates, deployer: Client) -> None:
    page = deployer.post(to_newest(updates), asked("plan", memory="64")).text

    assert "download it from robur and verify its SHA-256" in page
    assert "48</span> → 64" in page
    assert not Operation.objects.filter(unikernel=updates.world.web).exists()


def test_checks_that_fail_now_can_be_gone_over(updates: Updates, deployer: Client) -> None:
    Check.objects.filter(pk=updates.check.pk).update(state=Check.State.DOWN)
    path = page_of(updates.answers, "upgrade/?version=1")
    response = deployer.get(path)
    assert '<details class="disclosure" open><summary>If something is in the way' in response.text

    deployer.post(path, dict(response.context["carried"]) | {"action": "go", "accept": "failing-checks"})

    assert Operation.objects.get(unikernel=updates.answers, finished_at=None).accepted == ["failing-checks"]


def test_going_makes_one_operation_with_the_build_and_the_configuration(
    updates: Updates, deployer: Client
) -> None:
    response = deployer.post(to_newest(updates), asked("go", memory="64"))

    operation = Operation.objects.get(unikernel=updates.world.web)
    target = operation.target
    assert target is not None
    assert response.headers["Location"] == f"/operations/{operation.pk}/"
    assert (operation.kind, target.build, target.origin) == (Kind.UPGRADE, updates.new, "build")
    assert target.configuration["memory"] == 64
    assert arguments_of(target) == ["--ipv4=10.0.0.2/24", "--password=swordfish"]
    assert operation.fallback == updates.world.web.current


def test_an_uploaded_image_is_put_in_place_too(updates: Updates, deployer: Client) -> None:
    image = updates.world.dns_image.image
    choices = deployer.get(page_of(updates.world.web, "upgrade/")).text
    assert f"?image={image.digest}" in choices

    deployer.post(page_of(updates.world.web, f"upgrade/?image={image.digest}"), asked("go"))

    operation = Operation.objects.get(unikernel=updates.world.web)
    assert operation.target is not None
    assert operation.target.digest == image.digest


def test_what_is_offered_leads_to_builds_of_the_job(updates: Updates, deployer: Client) -> None:
    page = deployer.get(page_of(updates.world.web, "upgrade/")).text

    assert f"/builders/robur/jobs/static-website/?for={updates.world.web.pk}" in page
    assert f"/builders/robur/?for={updates.world.web.pk}" in page


def test_what_does_not_run_is_sent_to_deploy(updates: Updates, deployer: Client) -> None:
    page = deployer.get(page_of(updates.world.old, "upgrade/"), follow=True).text

    assert "Deploy it again." in page


@pytest.mark.parametrize("query", ["build=999999", "version=99", "image=nothing", "build=9999999999999999"])
def test_what_is_not_there_is_missing(updates: Updates, deployer: Client, query: str) -> None:
    assert deployer.get(page_of(updates.world.web, f"upgrade/?{query}")).status_code == 404


@pytest.mark.parametrize("query", ["build=x", "build=-1", "version=", "build=99999999999999999999"])
def test_rubbish_in_the_address_chooses_nothing(updates: Updates, deployer: Client, query: str) -> None:
    page = deployer.get(page_of(updates.world.web, f"upgrade/?{query}"))

    assert "Choose what comes in its place" in page.text


def test_a_block_device_can_be_made_where_the_new_one_needs_it(updates: Updates, deployer: Client) -> None:
    path = page_of(updates.world.store, f"upgrade/?build={updates.grown.pk}")
    response = deployer.post(path, asked("create-1", **{"block-0": "data", "new-1-name": "cache"}))

    assert "Give the new block device a size in whole MB." in response.text
    assert '<option value="data" selected>' in response.text


# --- a kept version ------------------------------------------------------------------------------------


def test_a_kept_version_shows_its_plan_at_once(updates: Updates, deployer: Client) -> None:
    page = deployer.get(page_of(updates.answers, "upgrade/?version=1")).text

    assert "Put version 1 in place" in page
    assert "What will be done" in page
    assert 'value="go"' in page


def test_a_kept_version_is_put_in_place_as_it_is(updates: Updates, deployer: Client) -> None:
    path = page_of(updates.answers, "upgrade/?version=1")
    carried = dict(deployer.get(path).context["carried"])

    deployer.post(path, carried | {"action": "go"})

    operation = Operation.objects.get(unikernel=updates.answers, finished_at=None)
    assert operation.kind == Kind.UPGRADE
    assert operation.target == Version.objects.get(unikernel=updates.answers, number=1)


def test_something_can_be_changed_about_a_kept_version(updates: Updates, deployer: Client) -> None:
    path = page_of(updates.answers, "upgrade/?version=1")
    page = deployer.post(path, asked("back")).text

    assert 'value="plan"' in page


def test_bytes_that_were_let_go_are_refused_with_words(updates: Updates, deployer: Client) -> None:
    page = deployer.get(page_of(updates.answers, "upgrade/?version=2")).text

    assert "The bytes of version 2 are not kept any more, and no builder has them." in page
    assert 'value="go"' not in page


# --- the way back --------------------------------------------------------------------------------------


def test_while_the_window_is_open_one_press_goes_back(updates: Updates, deployer: Client) -> None:
    page = deployer.get(page_of(updates.answers)).text
    assert "The way back is open" in page
    assert "Roll back to version 1" in page

    response = deployer.post(page_of(updates.answers, "rollback/"))

    operation = Operation.objects.get(unikernel=updates.answers, finished_at=None)
    assert (operation.kind, operation.target) == (Kind.ROLLBACK, updates.window.to)
    assert response.headers["Location"] == f"/operations/{operation.pk}/"


def test_the_second_press_is_told_of_the_first(updates: Updates, deployer: Client) -> None:
    path = page_of(updates.answers, "rollback/")
    first = deployer.post(path).headers["Location"]

    second = deployer.post(path, follow=True)

    assert second.redirect_chain == [(first, 302)]
    assert "is under way for robur:answers" in second.text
    assert (
        Operation.objects.filter(unikernel=updates.answers, kind=Kind.ROLLBACK, finished_at=None).count() == 1
    )


def test_after_the_window_it_is_refused_with_words(updates: Updates, deployer: Client) -> None:
    RollbackWindow.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert "The way back is open" not in deployer.get(page_of(updates.answers)).text

    page = deployer.post(page_of(updates.answers, "rollback/"), follow=True).text

    assert "no rollback window is open" in page
    assert not Operation.objects.filter(unikernel=updates.answers, finished_at=None).exists()


def test_viewers_see_the_window_without_its_button(updates: Updates, viewer: Client) -> None:
    page = viewer.get(page_of(updates.answers)).text

    assert "The way back is open" in page
    assert "Roll back to version" not in page
    assert viewer.post(page_of(updates.answers, "rollback/")).status_code == 403


def test_a_look_at_the_address_of_going_back_changes_nothing(updates: Updates, deployer: Client) -> None:
    assert deployer.get(page_of(updates.answers, "rollback/")).status_code == 405


# --- the page of an operation --------------------------------------------------------------------------


def test_a_download_tells_how_far_it_is(updates: Updates, deployer: Client) -> None:
    page = deployer.get(f"/operations/{updates.fetching.pk}/").text

    assert '<progress id="download" max="5200000" value="3100000">' in page
    assert "3.1 MB of 5.2 MB" in page


def test_checks_are_shown_as_they_pass_and_fail(updates: Updates, viewer: Client) -> None:
    page = viewer.get(f"/operations/{updates.upgraded.pk}/").text

    assert "status 502, wanted 200 to 399" in page
    assert page.count(">passed</span>") == 2
    assert page.count(">failed</span>") == 1


def test_checks_of_before_and_after_are_told_apart(updates: Updates, viewer: Client) -> None:
    path, last = f"/operations/{updates.upgraded.pk}/", updates.upgraded.results.latest("at")
    assert "after, <time" not in viewer.get(path).text

    Event.objects.create(
        at=last.at, kind="operation.state", was="swap", now="observe", operation=updates.upgraded.pk
    )

    page = viewer.get(path).text
    assert (page.count("before, <time"), page.count("after, <time")) == (2, 1)


def test_the_page_of_an_upgrade_has_the_way_back_while_it_is_open(updates: Updates, deployer: Client) -> None:
    assert "Roll back to version 1" in deployer.get(f"/operations/{updates.upgraded.pk}/").text
    assert "Roll back to version" not in deployer.get(f"/operations/{updates.reverted.pk}/").text


def test_what_was_taken_back_is_marked_and_why_is_told(updates: Updates, viewer: Client) -> None:
    upgrade = viewer.get(f"/operations/{updates.reverted.pk}/").text
    rollback = viewer.get(f"/operations/{updates.taken_back.pk}/").text

    assert '<span class="tag bad">reverted</span>' in upgrade
    assert "2 of the last 10 checks failed: web: status 502." in rollback


# --- lists ---------------------------------------------------------------------------------------------


def test_lists_tell_what_can_be_upgraded_and_narrow_to_it(updates: Updates, deployer: Client) -> None:
    page = deployer.get("/unikernels/?state=update").text
    overview = deployer.get("/?only=updates").text

    for text in (page, overview):
        rows = text[text.index("<tbody>") :]
        assert rows.count('<th scope="row">') == 2
        assert ">update</span>" in rows
        assert ">update, configure</span>" in rows
    assert "Updates 2" in overview


def test_what_went_back_by_itself_is_a_problem_until_something_is_done(
    updates: Updates, deployer: Client
) -> None:
    cause = "2 of the last 10 checks failed: web: status 502."
    assert cause not in deployer.get("/").text  # upgraded again since

    updates.upgraded.delete()

    page = deployer.get("/").text
    assert page.index(cause) < page.index("Running now")


def test_a_stopped_unikernel_is_deployed_again_from_a_build(updates: Updates, deployer: Client) -> None:
    old, build = updates.world.old, updates.new
    version = updates.version(old, old.versions.get(number=1), build.digest, None, Version.Origin.BUILD)
    Version.objects.filter(pk=version.pk).update(build=build)
    link = f"/deploy/robur/build/{build.pk}/?instance=fra-1&amp;again={old.pk}.2"
    assert link in deployer.get(page_of(old)).text

    form = deployer.get(link.replace("&amp;", "&")).text

    assert 'value="old-blog"' in form
    assert "--password=swordfish" in form
