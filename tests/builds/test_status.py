"""Where a running image stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from unikernels.builds.answers import Build, Solo5
from unikernels.builds.status import Newest, Standing, judge

NET = Solo5("hvt", 2, (("service", "net"),))
NOW = datetime(2026, 11, 22, 2, 31, 10, tzinfo=UTC)
OLD = Build("web", "1" * 8, "debian-12", NOW - timedelta(days=9), NOW, True, NET)
NEW = replace(OLD, uuid="2" * 8, started=NOW)
RUNS, OTHER = "aa" * 32, "bb" * 32


@pytest.mark.parametrize(
    ("found", "newest", "standing"),
    [
        (None, None, Standing.UNKNOWN),
        (None, Newest(NEW, OTHER), Standing.UNKNOWN),
        (replace(OLD, has_binary=False), Newest(NEW, OTHER), Standing.UNKNOWN),
        (OLD, None, Standing.CURRENT),
        (OLD, Newest(OLD, RUNS), Standing.CURRENT),
        (OLD, Newest(OLD, None), Standing.CURRENT),
        (OLD, Newest(NEW, RUNS), Standing.REBUILT),
        (OLD, Newest(NEW, OTHER), Standing.UPDATE),
        (OLD, Newest(NEW, None), Standing.UPDATE),
        (NEW, Newest(OLD, OTHER), Standing.CURRENT),
        (OLD, Newest(replace(NEW, has_binary=False), None), Standing.CURRENT),
        (OLD, Newest(replace(NEW, solo5=None), OTHER), Standing.UPDATE),
        (OLD, Newest(replace(NEW, solo5=Solo5("spt", 2, NET.devices)), OTHER), Standing.RECONFIGURE),
        (OLD, Newest(replace(NEW, solo5=Solo5("hvt", 3, NET.devices)), OTHER), Standing.RECONFIGURE),
        (OLD, Newest(replace(NEW, solo5=Solo5("hvt", 2, ())), OTHER), Standing.RECONFIGURE),
    ],
)
def test_the_standing_of_an_image(found: Build | None, newest: Newest | None, standing: Standing) -> None:
    judgement = judge(digest=RUNS, found=found, newest=newest, running=NET)
    assert judgement.standing is standing
    assert (judgement.newest is not None) == standing.newer


def test_the_build_it_was_taken_from_tells_that_it_was_rebuilt_since() -> None:
    newest = Newest(NEW, RUNS)
    assert judge(digest=RUNS, found=NEW, newest=newest, running=NET, deployed=OLD.uuid).standing == "rebuilt"
    assert judge(digest=RUNS, found=NEW, newest=newest, running=NET, deployed=NEW.uuid).standing == "current"


def test_the_digest_may_be_written_in_capitals() -> None:
    assert judge(digest=RUNS.upper(), found=OLD, newest=Newest(NEW, RUNS), running=NET).standing == "rebuilt"


def test_what_differs_is_told() -> None:
    new = replace(NEW, solo5=Solo5("hvt", 2, (("service", "net"), ("storage", "block"))))
    judgement = judge(digest=RUNS, found=OLD, newest=Newest(new, OTHER), running=NET)
    assert judgement.reasons == ("Device storage (block) is new.",)


def test_the_image_that_runs_counts_more_than_what_the_builder_says_of_it() -> None:
    wrong = replace(OLD, solo5=Solo5("spt", 1))
    assert judge(digest=RUNS, found=wrong, newest=Newest(NEW, OTHER), running=NET).standing == "update"


def test_a_build_of_another_platform_says_so() -> None:
    other = replace(NEW, platform="freebsd-14")
    judgement = judge(digest=RUNS, found=OLD, newest=Newest(other, OTHER), running=NET)
    assert judgement.reasons == ("It was built on freebsd-14; what runs on debian-12.",)
