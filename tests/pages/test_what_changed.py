"""What changed between what runs and a newer build."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from tests.pages.updates import Updates
from unikernels.builds.compare import OpamFile
from unikernels.models import Lookup, Standing
from unikernels.pages.what_changed import MAX_LINES, diff_lines

HTMX = {"HX-Request": "true"}
WAITS = 'hx-trigger="every 1s"'


def path_of(updates: Updates) -> str:
    return f"/unikernels/{updates.world.web.pk}/changes/"


def test_the_risk_comes_first_then_everything_that_is_known(updates: Updates, viewer: Client) -> None:
    page = viewer.get(path_of(updates)).text

    order = ["TLS and cryptography: tls 2.0.2 became 2.0.3.", "The two builds", "Packages", "System packages"]
    assert [page.index(words) for words in order] == sorted(page.index(words) for words in order)
    for words in ("ca-certs-nss", "angstrom", "2.36-9+deb12u10", "ORB_VERSION", "120 kB", "4.4 MB"):
        assert words in page
    assert '<span class="added">+  &quot;dune&quot; {&gt;= &quot;3.0&quot;}</span>' in page
    assert WAITS not in page


def test_a_question_is_asked_and_the_page_looks_until_it_is_answered(
    updates: Updates, deployer: Client
) -> None:
    path = f"/unikernels/{updates.world.store.pk}/changes/"
    first = deployer.get(path).text
    assert WAITS in first
    assert f'href="{path}">Look again</a>' in first
    assert "Device cache (block) is new." in first  # known before anybody is asked

    question = Lookup.objects.get(what=Lookup.What.CHANGES, answered_at=None)
    assert WAITS in deployer.get(path, headers=HTMX).text
    Lookup.objects.filter(pk=question.pk).update(answered_at=timezone.now(), data=updates.changes.data)

    last = deployer.get(path, headers=HTMX).text
    assert last.strip().startswith('<div id="live"')
    assert WAITS not in last
    assert "tls 2.0.2 became 2.0.3." in last


def test_a_builder_that_cannot_tell_is_told_and_asked_again_on_request(
    updates: Updates, deployer: Client
) -> None:
    trouble = "It answered 503 Service Unavailable."
    Lookup.objects.filter(pk=updates.changes.pk).update(data=None, trouble_text=trouble)
    page = deployer.get(path_of(updates)).text
    assert f"robur could not tell what changed: {trouble} The risk is not known." in page

    response = deployer.post(path_of(updates))

    assert response.headers["Location"] == path_of(updates)
    assert WAITS in deployer.get(path_of(updates)).text


def test_bytes_that_the_builder_does_not_know_are_not_compared(updates: Updates, viewer: Client) -> None:
    path = f"/unikernels/{updates.world.dns.pk}/changes/?build={updates.new.pk}"
    page = viewer.get(path).text

    assert "does not know the bytes that run" in page
    assert Lookup.objects.filter(what=Lookup.What.CHANGES).count() == 1


def test_with_nothing_newer_there_is_nothing_to_tell(updates: Updates, viewer: Client) -> None:
    response = viewer.get(f"/unikernels/{updates.answers.pk}/changes/")

    assert response.headers["Location"] == f"/unikernels/{updates.answers.pk}/"


def test_a_version_remembers_its_build_when_the_polling_does_not(updates: Updates, viewer: Client) -> None:
    Standing.objects.all().delete()
    other = updates.build("answers", 0)
    viewer.get(f"/unikernels/{updates.answers.pk}/changes/?build={other.pk}")

    version = updates.answers.current
    assert version is not None
    assert version.build is not None
    assert Lookup.objects.filter(key=f"{version.build.uuid}/{other.uuid}").exists()


@pytest.mark.parametrize("query", ["build=999999", "build=999999999999999999"])
def test_a_build_that_is_not_there_is_missing(updates: Updates, viewer: Client, query: str) -> None:
    assert viewer.get(f"{path_of(updates)}?{query}").status_code == 404


def test_strangers_find_nothing(updates: Updates, stranger: Client) -> None:
    assert stranger.get(path_of(updates)).status_code == 404


def test_what_a_builder_writes_is_shown_as_text(updates: Updates, viewer: Client) -> None:
    data = updates.changes.data
    data["changes"]["opam"]["added"][0]["name"] = "<script>alert(1)</script>"
    Lookup.objects.filter(pk=updates.changes.pk).update(data=data)
    page = viewer.get(path_of(updates)).text

    assert "<script>alert" not in page


def test_a_diff_is_told_line_by_line_and_has_an_end() -> None:
    text = "--- a\n+++ b\n@@ -1 +1 @@\n same\n-old\n+new\n" + "+more\n" * MAX_LINES
    lines = list(diff_lines(OpamFile("logs", "0.9.0", text)))

    assert [line.kind for line in lines[:6]] == ["place", "place", "place", "", "removed", "added"]
    assert lines[-1].text == "… 6 more lines"
    assert len(lines) == MAX_LINES + 1
