"""Block devices: the list, the page of one, and moving bytes to and from it."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.pages.storage import CONTENT, MB, Storage
from tests.pages.world import World
from unikernels.models import Block, BlockFile, Operation
from unikernels.operations.facts import Memo
from unikernels.operations.machine import Kind, State

HTMX = {"HX-Request": "true"}


@pytest.fixture
def storage(world: World) -> Storage:
    return Storage(world)


def send(client: Client, block: Block, data: bytes = CONTENT, **more: Any) -> Any:
    fields = {"file": SimpleUploadedFile("zones.img", data), "packing": more.pop("packing", "auto")}
    return client.post(f"/blocks/{block.pk}/upload/", fields, **more)


# --- the list, and one of it -------------------------------------------------------------------------


def test_the_list_leads_to_each_and_tells_how_full_the_quota_is(world: World, viewer: Client) -> None:
    page = viewer.get("/blocks/")

    assert f'<a href="/blocks/{world.data.pk}/">data</a>' in page.text
    assert [(bar.label, bar.used, bar.limit) for bar in page.context["meters"]] == [("On fra-1", 320, 512)]


def test_the_list_tells_what_is_moved_and_how_the_last_transfer_ended(
    storage: Storage, viewer: Client
) -> None:
    lines = {line.device.name: line for line in viewer.get("/blocks/").context["rows"]}

    assert {name: line.badge.word for name, line in lines.items()} == {
        "data": "in use",
        "mail": "uploading",
        "small": "free",
        "spare": "free",
    }
    assert lines["spare"].last.verdict.word == "failed"
    assert lines["small"].last is None


def test_many_devices_and_transfers_cost_the_same(storage: Storage, viewer: Client) -> None:
    viewer.get("/blocks/")
    with CaptureQueriesContext(connection) as few:
        viewer.get("/blocks/")
    for number in range(5):
        device = storage.device(f"more-{number}", 1)
        storage.transfer(device, state=State.SUCCEEDED, finished_at=timezone.now())
    with CaptureQueriesContext(connection) as many:
        viewer.get("/blocks/")

    assert len(many) == len(few)


def test_a_page_says_who_uses_it_and_which_versions_name_it(world: World, viewer: Client) -> None:
    page = viewer.get(f"/blocks/{world.data.pk}/").text

    assert f'<a href="/unikernels/{world.store.pk}/">store</a>' in page
    assert "version 1, the current one too" in page
    assert "no version that is kept" in viewer.get(f"/blocks/{world.spare.pk}/").text


def test_what_can_be_done_is_offered_to_those_who_may_while_it_can(
    storage: Storage, deployer: Client, viewer: Client
) -> None:
    def offered(client: Client, block: Block) -> list[str]:
        page = client.get(f"/blocks/{block.pk}/").text
        ways = ("upload", "download", "remove")
        return [way for way in ways if f'id="{way}" href="/blocks/{block.pk}/{way}/"' in page]

    world = storage.world
    assert offered(deployer, world.spare) == ["upload", "download", "remove"]
    assert offered(viewer, world.spare) == []
    assert offered(deployer, world.data) == []  # in use
    assert offered(deployer, storage.mail) == []  # is being written


def test_a_transfer_under_way_shows_how_far_it_is(storage: Storage, viewer: Client) -> None:
    for path in (f"/blocks/{storage.mail.pk}/", f"/operations/{storage.moving.pk}/"):
        page = viewer.get(path).text
        assert "21.0 MB of 64.0 MB" in page, path
        assert f'max="{64 * MB}" value="{21 * MB}"' in page, path


def test_a_poll_brings_only_what_may_have_changed(storage: Storage, viewer: Client) -> None:
    page = viewer.get(f"/blocks/{storage.mail.pk}/", headers=HTMX).text

    assert "21.0 MB of 64.0 MB" in page
    assert "<html" not in page


# --- sending a file ----------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [CONTENT, gzip.compress(CONTENT)])
def test_a_file_is_taken_in_and_measured_and_leads_to_the_plan(
    world: World, deployer: Client, data: bytes
) -> None:
    response = send(deployer, world.spare, data)
    kept = BlockFile.objects.get()

    assert response.headers["Location"] == f"/blocks/{world.spare.pk}/upload/{kept.pk}/"
    assert kept.size == len(CONTENT)
    assert not Operation.objects.filter(block=world.spare).exists()


def test_with_javascript_the_page_is_led_on_too(world: World, deployer: Client) -> None:
    response = send(deployer, world.spare, headers=HTMX)

    assert response.headers["HX-Redirect"] == f"/blocks/{world.spare.pk}/upload/{BlockFile.objects.get().pk}/"


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("data", "packing"), [(b"", "auto"), (gzip.compress(CONTENT)[:-9], "auto"), (b"x", "zlib")]
)
def test_what_cannot_be_taken_is_refused_in_words(
    world: World, deployer: Client, data: bytes, packing: str, headers: dict[str, str]
) -> None:
    response = send(deployer, world.spare, data, packing=packing, headers=headers)

    assert response.status_code == 422
    assert "zones.img is" in response.text
    assert ("<html" in response.text) is not bool(headers)
    assert not BlockFile.objects.exists()


# --- the plan, and go --------------------------------------------------------------------------------


def test_the_plan_compares_the_sizes_and_keeps_the_old_content_unless_told_otherwise(
    storage: Storage, deployer: Client
) -> None:
    page = deployer.get(f"/blocks/{storage.world.spare.pk}/upload/{storage.file.pk}/")

    assert "63.9 MB more than the file" in page.text
    assert 'name="keep" value="yes" checked' in page.text
    assert len(page.context["plans"]) == 4
    assert page.context["refusals"] == []


@pytest.mark.parametrize(("ticked", "accepted"), [(["keep", "verify"], ["dump-first", "verify"]), ([], [])])
def test_go_begins_an_upload_as_it_was_ticked(
    storage: Storage, deployer: Client, ticked: list[str], accepted: list[str]
) -> None:
    spare = storage.world.spare
    path = f"/blocks/{spare.pk}/upload/{storage.file.pk}/"
    response = deployer.post(path, dict.fromkeys(ticked, "yes"))
    operation = Operation.objects.get(block=spare, finished_at=None)

    assert response.headers["Location"] == f"/operations/{operation.pk}/"
    assert (operation.kind, operation.accepted) == (Kind.BLOCK_UPLOAD, accepted)
    assert Memo.from_json(operation.memo).file == storage.file.pk


def test_what_does_not_fit_is_said_before_and_refused_after(storage: Storage, deployer: Client) -> None:
    path = f"/blocks/{storage.small.pk}/upload/{storage.old.pk}/"
    page = deployer.get(path)
    assert "This would not work." in page.text
    assert "Replace what is on it" not in page.text

    assert deployer.post(path, {"keep": "yes"}).status_code == 422
    assert not Operation.objects.filter(block=storage.small).exists()


def test_who_comes_second_is_led_to_the_first(storage: Storage, deployer: Client) -> None:
    path = f"/blocks/{storage.mail.pk}/upload/{storage.file.pk}/"

    assert deployer.post(path).headers["Location"] == f"/operations/{storage.moving.pk}/"


# --- reading, and files ------------------------------------------------------------------------------


def test_a_download_is_asked_for_and_its_file_offered_at_the_end(storage: Storage, deployer: Client) -> None:
    spare = storage.world.spare
    assert "Albatross cannot resume it" in deployer.get(f"/blocks/{spare.pk}/download/").text
    place = deployer.post(f"/blocks/{spare.pk}/download/").headers["Location"]
    operation = Operation.objects.get(kind=Kind.BLOCK_DOWNLOAD)
    assert place == f"/operations/{operation.pk}/"

    memo = Memo(file=storage.file.pk).to_json()
    ended = Operation.objects.filter(pk=operation.pk)
    ended.update(state=State.SUCCEEDED, memo=memo, finished_at=timezone.now())

    assert f'href="/block-files/{storage.file.pk}/"' in deployer.get(place).text
    got: Any = deployer.get(f"/block-files/{storage.file.pk}/")
    assert b"".join(got.streaming_content) == CONTENT
    assert got.headers["Content-Length"] == str(len(CONTENT))
    assert "zones.img" in got.headers["Content-Disposition"]


def test_viewers_see_files_and_get_none(storage: Storage, viewer: Client) -> None:
    page = viewer.get(f"/blocks/{storage.world.spare.pk}/").text

    assert storage.old.name in page
    assert "/block-files/" not in page
    assert viewer.get(f"/block-files/{storage.file.pk}/").status_code == 403


def test_a_file_is_deleted_after_a_question(storage: Storage, deployer: Client) -> None:
    path = f"/block-files/{storage.old.pk}/remove/"
    assert "The block device itself is not touched." in deployer.get(path).text

    response = deployer.post(path, follow=True)

    assert f"{storage.old.name} is deleted." in response.text
    assert not BlockFile.objects.filter(pk=storage.old.pk).exists()


def test_a_file_that_a_transfer_needs_stays(storage: Storage, deployer: Client) -> None:
    response = deployer.post(f"/block-files/{storage.file.pk}/remove/", follow=True)

    assert "A transfer that needs this file is under way." in response.text
    assert BlockFile.objects.filter(pk=storage.file.pk).exists()


# --- breaking it off ---------------------------------------------------------------------------------


def question(client: Client, operation: Operation) -> str:
    """What is said before a cancel."""
    return str(client.get(f"/operations/{operation.pk}/cancel/").text)


def test_a_cancel_says_what_it_means_at_that_moment(storage: Storage, deployer: Client) -> None:
    moving = storage.moving
    assert "21.0 MB of 64.0 MB were sent" in question(deployer, moving)
    assert "nobody can bring it back" in question(deployer, moving)

    kept = Memo(file=storage.file.pk, dump=storage.old.pk, fetched=MB, fetch_size=64 * MB).to_json()
    Operation.objects.filter(pk=moving.pk).update(memo=kept)
    assert f"The old content is kept here as {storage.old.name}." in question(deployer, moving)

    Operation.objects.filter(pk=moving.pk).update(armed_at=None)
    assert "Nothing has been sent yet: mail keeps what is on it." in question(deployer, moving)

    Operation.objects.filter(pk=moving.pk).update(kind=Kind.BLOCK_DOWNLOAD, state=State.FETCH)
    assert "mail is not touched by it" in question(deployer, moving)


def test_what_was_broken_off_says_where_the_old_content_is(storage: Storage, deployer: Client) -> None:
    page = deployer.get(f"/operations/{storage.failed.pk}/").text

    assert "The content of spare is changed" in page
    assert f'<a href="/block-files/{storage.old.pk}/" download>{storage.old.name}</a>' in page


# --- everywhere else ---------------------------------------------------------------------------------


def test_transfers_stand_among_the_operations_and_on_the_overview(storage: Storage, viewer: Client) -> None:
    listed = viewer.get("/operations/").text
    assert "block upload" in listed
    assert f'<a href="/blocks/{storage.mail.pk}/">mail</a>' in listed
    assert "on fra-1: block upload 4 min ago." in viewer.get("/").text

    Block.objects.filter(pk=storage.world.spare.pk).delete()

    assert viewer.get(f"/operations/{storage.failed.pk}/").status_code == 200
    assert "spare" in viewer.get("/operations/").text
