"""Answers of yesterday and of tomorrow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.builds import recorded
from unikernels.builds import answers
from unikernels.builds.answers import Job, Latest, Solo5
from unikernels.builds.errors import BadAnswer

UUID = "3ceaaf30-8142-48ea-91d9-3080f9b439fc"
BUILD: dict[str, Any] = {
    "job": "web",
    "uuid": UUID,
    "platform": "debian-12",
    "start_time": "2026-11-12T02:31:10-00:00",
    "finish_time": "2026-11-12T02:44:57-00:00",
    "main_binary": True,
}
ABI = {"type": "solo5.abi", "target": "hvt", "version": 2}
MANIFEST = {"type": "solo5.manifest", "version": 1, "devices": [{"name": "service", "type": "NET_BASIC"}]}


def test_the_real_list_of_jobs_is_read() -> None:
    jobs = {job.name: job for job in answers.jobs(recorded.body("099"))}
    assert len(jobs) == 13
    assert jobs["dns-primary-git"].synopsis.startswith("Primary DNS")
    latest = jobs["test-maxdev"].latest
    assert latest is not None
    assert latest.solo5 is not None
    assert len(latest.solo5.devices) == 63
    assert jobs["albatross"].latest is None


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"jobs": []}, []),
        ({"jobs": ["web", "dns"]}, [Job("web"), Job("dns")]),
        ({"jobs": [{"name": "web", "synopsis": None, "later": 1}]}, [Job("web")]),
        ({"jobs": [{"name": ""}, 7, None, {"synopsis": "x"}, {"name": "web"}]}, [Job("web")]),
        ({"jobs": [{"name": "a\x1bb"}]}, [Job("ab")]),
        ({"jobs": ["web"], "jobs_by_section": {"Unikernels": ["web"]}}, [Job("web", "Unikernels")]),
        ({"jobs": ["web"], "jobs_by_section": ["?"]}, [Job("web")]),
        ({"jobs": [{"name": "web", "latest": {"uuid": "?"}}]}, [Job("web")]),
        ({"jobs": [{"name": "web", "latest": {"uuid": UUID}}]}, [Job("web", latest=Latest(UUID, None))]),
    ],
    ids=str,
)
def test_a_list_of_jobs_is_read_leniently(told: object, read: list[Job]) -> None:
    assert answers.jobs(told) == read


@pytest.mark.parametrize("told", [[], {}, {"jobs": {}}, "jobs", None])
def test_what_is_no_list_of_jobs_is_refused(told: object) -> None:
    with pytest.raises(BadAnswer):
        answers.jobs(told)


def test_a_line_without_a_usable_hash_is_left_out() -> None:
    good = {"uuid": UUID, "main_binary": {"filename": "a.hvt", "sha256": "AB" * 32, "size": -1}}
    bad = {"uuid": UUID, "main_binary": {"filename": "a.hvt", "sha256": "ab", "size": 1}}
    [line] = answers.job_builds({"builds": [bad, good, {"main_binary": None}]})
    assert line.binary == answers.Binary("a.hvt", "ab" * 32, None)


@pytest.mark.parametrize("missing", sorted(BUILD.keys() - {"main_binary"}))
def test_a_build_must_tell(missing: str) -> None:
    with pytest.raises(BadAnswer):
        answers.build({key: value for key, value in BUILD.items() if key != missing})


@pytest.mark.parametrize(
    "told",
    ["2026-11-12T02:31:10-00:00", "2026-11-12T02:31:10Z", "2026-11-12T02:31:10", "2026-11-12T04:31:10+02:00"],
)
def test_times_are_read_in_many_forms(told: str) -> None:
    moment = answers.moment(told)
    assert moment.utcoffset() in {timedelta(), timedelta(hours=2)}
    assert moment == datetime(2026, 11, 12, 2, 31, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("notes", "read"),
    [
        ({}, None),
        ({"solo5_abi": ABI}, None),
        ({"solo5_manifest": MANIFEST}, None),
        ({"solo5_abi": ABI, "solo5_manifest": MANIFEST}, Solo5("hvt", 2, (("service", "net"),))),
        ({"solo5_abi": ABI | {"target": "new"}, "solo5_manifest": {"devices": []}}, Solo5("new", 2)),
        ({"solo5_abi": ABI | {"version": True}, "solo5_manifest": MANIFEST}, None),
        ({"solo5_abi": ABI, "solo5_manifest": {"devices": [{"type": "NET_BASIC"}]}}, None),
        (
            {"solo5_abi": ABI, "solo5_manifest": {"devices": [{"name": "a", "type": "GPU"}]}},
            Solo5("hvt", 2, (("a", "GPU"),)),
        ),
    ],
)
def test_notes_are_whole_or_not_there(notes: dict[str, Any], read: Solo5 | None) -> None:
    assert answers.build(BUILD | notes).solo5 == read
