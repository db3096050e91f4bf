"""Looking for newer builds: a real small builder-web, and unikernels as the inventory wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Team
from albatross.models import Instance
from tests.builds.conftest import build_row
from unikernels.builds import polling, standings
from unikernels.builds.simulator.catalogue import SimulatedBuild
from unikernels.builds.simulator.faults import Kind
from unikernels.builds.simulator.publishing import publish
from unikernels.builds.simulator.seed import seed
from unikernels.builds.simulator.server import Server, serving
from unikernels.models import Build, Builder, Standing, Unikernel, Version

NOBODY_HAS_IT = "ab" * 32


class Fleet:
    """Unikernels of one team on one instance."""

    def __init__(self) -> None:
        self.team = Team.objects.create(name="robur", domain="robur")
        self.instance = Instance.objects.create(name="fra-1", address="192.0.2.1:1025")

    def runs(
        self, digest: str, *, build: Build | None = None, name: str = "", digest_of_version: str = ""
    ) -> Unikernel:
        """A unikernel that runs *digest*; its version was taken from *build*."""
        unikernel = Unikernel.objects.create(
            instance=self.instance,
            team=self.team,
            path="robur",
            name=name or f"u{Unikernel.objects.count()}",
            state=Unikernel.Presence.RUNNING,
            digest=digest,
        )
        unikernel.current = Version.objects.create(
            unikernel=unikernel,
            number=1,
            digest=digest_of_version or digest,
            configuration={},
            sealed_arguments="",
            origin=Version.Origin.BUILD if build else Version.Origin.ADOPTED,
            build=build,
        )
        unikernel.save(update_fields=["current"])
        return unikernel


@pytest.fixture
def fleet(db: None) -> Fleet:
    return Fleet()


def digest_of(build: SimulatedBuild) -> str:
    assert build.main_binary is not None
    return build.main_binary.sha256


def oldest(builder: Server, job: str) -> str:
    return digest_of(builder.catalogue.builds(job)[-1])


def shown(unikernel: Unikernel) -> tuple[str, str | None]:
    """Standing, and the uuid of what it can be upgraded to."""
    unikernel.refresh_from_db()
    return unikernel.standing, unikernel.newest.uuid if unikernel.newest else None


def let_time_pass(builder: Builder, **words: float) -> None:
    """As if everything was judged and asked that long ago."""
    earlier = timezone.now() - timedelta(**words)
    Standing.objects.filter(builder=builder).update(judged_at=earlier)
    Builder.objects.filter(pk=builder.pk).update(retry_at=earlier)


@pytest.mark.parametrize(
    ("job", "standing"),
    [
        ("hello", "update"),
        ("traceroute", "current"),
        ("dns-primary-git", "update"),
        ("caldav", "reconfigure"),
        ("miragevpn-router", "reconfigure"),
        ("signer", "update"),
    ],
)
def test_a_unikernel_shows_how_what_it_runs_stands(
    builder: Server, robur_coop: Builder, fleet: Fleet, job: str, standing: str
) -> None:
    unikernel = fleet.runs(oldest(builder, job))
    polling.poll(robur_coop.pk)
    here = [build for build in builder.catalogue.builds(job) if build.platform == "debian-12"]
    assert shown(unikernel) == (standing, None if standing == "current" else here[0].uuid)


def test_what_no_builder_built_is_unknown_and_never_current(robur_coop: Builder, fleet: Fleet) -> None:
    unikernel = fleet.runs(NOBODY_HAS_IT)
    polling.poll(robur_coop.pk)
    assert shown(unikernel) == ("unknown", None)
    standing = Standing.objects.get()
    assert standing.found is None
    assert standing.reasons == ["The builder does not have these bytes (any more)."]


def test_the_text_that_bhyve_reports_is_asked_of_nobody(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    unikernel = fleet.runs(b"a machine".hex())
    polling.poll(robur_coop.pk)
    assert shown(unikernel) == ("unknown", None)
    assert builder.requests == []


def test_what_is_unmanaged_or_does_not_run_is_not_asked_about(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    fleet.runs("")
    Unikernel.objects.create(instance=fleet.instance, path="", name="other", digest=oldest(builder, "hello"))
    assert polling.due_builders(timezone.now()) == []
    polling.poll(robur_coop.pk)
    assert builder.requests == []


def test_a_job_is_asked_once_however_many_unikernels_run_its_builds(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    for build in builder.catalogue.builds("hello"):
        for _ in range(5):
            fleet.runs(digest_of(build))
    polling.poll(robur_coop.pk)
    let_time_pass(robur_coop, seconds=django_settings.POLL_SECONDS + 1)
    builder.requests.clear()
    polling.poll(robur_coop.pk)
    assert builder.requests == ["GET /job/hello", "GET /job/hello/build/latest?platform=debian-12"]


def test_a_warm_round_writes_no_unikernel(builder: Server, robur_coop: Builder, fleet: Fleet) -> None:
    for _ in range(3):
        fleet.runs(oldest(builder, "hello"))
    polling.poll(robur_coop.pk)
    let_time_pass(robur_coop, days=1)
    with CaptureQueriesContext(connection) as queries:
        polling.poll(robur_coop.pk)
    assert [q["sql"] for q in queries if q["sql"].startswith('UPDATE "unikernels_unikernel"')] == []


def test_a_changed_digest_takes_one_update(builder: Server, robur_coop: Builder, fleet: Fleet) -> None:
    unikernels = [fleet.runs(oldest(builder, "hello")) for _ in range(5)]
    with CaptureQueriesContext(connection) as queries:
        polling.poll(robur_coop.pk)
    assert len([q for q in queries if q["sql"].startswith('UPDATE "unikernels_unikernel"')]) == 1
    assert {shown(unikernel)[0] for unikernel in unikernels} == {"update"}


def test_a_version_that_came_from_a_build_spares_the_question_whose_bytes_these_are(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    build = build_row(builder, robur_coop, "hello", 2)
    unikernel = fleet.runs(build.digest, build=build)
    builder.requests.clear()
    polling.poll(robur_coop.pk)
    assert shown(unikernel)[0] == "update"
    assert not any("/hash" in request for request in builder.requests)


def test_the_same_bytes_built_again_are_told_as_such(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    build = build_row(builder, robur_coop, "traceroute")
    unikernel = fleet.runs(build.digest, build=build)
    publish(builder.catalogue, job="traceroute", same_bytes=True)
    polling.poll(robur_coop.pk)
    assert shown(unikernel) == ("rebuilt", None)


def test_a_new_build_is_found_once_it_is_due(builder: Server, robur_coop: Builder, fleet: Fleet) -> None:
    unikernel = fleet.runs(oldest(builder, "traceroute"))
    polling.poll(robur_coop.pk)
    assert shown(unikernel) == ("current", None)
    assert polling.due_builders(timezone.now() + timedelta(minutes=1)) == []
    newest = publish(builder.catalogue, job="traceroute", behaviour={"lines": ["new"]})
    let_time_pass(robur_coop, seconds=django_settings.POLL_SECONDS + 1)
    assert polling.due_builders(timezone.now()) == [robur_coop.pk]
    polling.poll(robur_coop.pk)
    assert shown(unikernel) == ("update", newest.uuid)


def test_an_update_is_still_told_when_the_build_that_runs_was_removed(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    unikernel = fleet.runs(oldest(builder, "hello"))
    polling.poll(robur_coop.pk)
    builder.catalogue.vacuum(builder.catalogue.builds("hello")[-1].uuid)
    newest = publish(builder.catalogue, job="hello", behaviour={"lines": ["newer still"]})
    let_time_pass(robur_coop, days=1)
    polling.poll(robur_coop.pk)
    assert shown(unikernel) == ("update", newest.uuid)
    assert polling.REMOVED in Standing.objects.get().reasons


@pytest.mark.parametrize("left", [0, 1])
def test_what_the_builder_took_back_is_unknown_and_never_current(
    builder: Server, robur_coop: Builder, fleet: Fleet, left: int
) -> None:
    builds = builder.catalogue.builds("hello")
    unikernel = fleet.runs(digest_of(builds[0]))
    polling.poll(robur_coop.pk)
    assert shown(unikernel) == ("current", None)
    for build in builds[: len(builds) - left]:
        builder.catalogue.vacuum(build.uuid)
    let_time_pass(robur_coop, days=1)
    polling.poll(robur_coop.pk)
    assert shown(unikernel) == ("unknown", None)


def test_what_is_newly_deployed_is_looked_up_within_seconds(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    fleet.runs(oldest(builder, "hello"))
    polling.poll(robur_coop.pk)
    fleet.runs(oldest(builder, "unipi"))
    assert polling.due_builders(timezone.now()) == []
    assert polling.due_builders(timezone.now() + polling.PAUSE) == [robur_coop.pk]


def test_after_an_upgrade_and_a_rollback_the_standing_follows_what_runs(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    old, new = (digest_of(builder.catalogue.builds("hello")[number]) for number in (2, 0))
    unikernel, other = fleet.runs(old), fleet.runs(new)
    polling.poll(robur_coop.pk)
    assert shown(other) == ("current", None)
    before = shown(unikernel)
    for digest, told in [
        (new, ("current", None)),
        (old, before),
        (NOBODY_HAS_IT, ("", None)),
        ("", ("", None)),
    ]:
        Unikernel.objects.filter(pk=unikernel.pk).update(digest=digest)
        standings.settle()
        assert shown(unikernel) == told


# --- several builders ----------------------------------------------------------------------------


@pytest.fixture
def second() -> Iterator[Server]:
    with serving(seed()) as server:
        yield server


def test_the_builder_that_has_the_bytes_counts(
    builder: Server, second: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    second.catalogue.vacuum(second.catalogue.builds("unipi")[-1].uuid)
    first = Builder.objects.create(name="a-first", url=second.url)
    unikernel = fleet.runs(oldest(builder, "unipi"))
    polling.poll(first.pk)
    assert shown(unikernel) == ("unknown", None)
    polling.poll(robur_coop.pk)
    assert shown(unikernel)[0] == "update"


def test_the_builder_that_a_version_came_from_goes_first_and_others_are_not_asked(
    builder: Server, second: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    other = Builder.objects.create(name="a-first", url=second.url)
    build = build_row(builder, robur_coop, "traceroute")
    unikernel = fleet.runs(build.digest, build=build)
    publish(second.catalogue, job="traceroute", behaviour={"lines": ["newer elsewhere"]})
    assert polling.due_builders(timezone.now()) == [robur_coop.pk]
    polling.poll(other.pk)
    polling.poll(robur_coop.pk)
    assert shown(unikernel) == ("current", None)
    assert second.requests == []


def test_what_was_replaced_outside_is_asked_of_every_builder(
    builder: Server, second: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    Builder.objects.create(name="a-first", url=second.url)
    build = build_row(builder, robur_coop, "traceroute")
    fleet.runs(oldest(builder, "hello"), build=build, digest_of_version=build.digest)
    assert len(polling.due_builders(timezone.now())) == 2


# --- trouble -------------------------------------------------------------------------------------


def state(builder: Builder) -> Builder:
    builder.refresh_from_db()
    return builder


def wait_of(builder: Builder, asked_at: datetime) -> int:
    """Minutes until it is asked again."""
    retry_at = state(builder).retry_at
    assert retry_at is not None
    return int((retry_at - asked_at).total_seconds() / 60)


def test_a_builder_that_is_gone_is_left_alone_longer_and_longer(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    unikernel = fleet.runs(oldest(builder, "hello"))
    polling.poll(robur_coop.pk)
    let_time_pass(robur_coop, days=1)
    builder.shutdown()
    builder.server_close()
    waits = []
    for _ in range(8):
        asked_at = timezone.now()
        polling.poll(robur_coop.pk)
        waits.append(wait_of(robur_coop, asked_at))
        Builder.objects.filter(pk=robur_coop.pk).update(retry_at=None)
    assert waits == [0, 1, 2, 4, 8, 15, 15, 15]
    assert state(robur_coop).failures == 8
    assert "cannot be reached" in robur_coop.trouble_text
    assert shown(unikernel)[0] == "update"  # what is known stays


def test_the_first_answer_ends_the_trouble(builder: Server, robur_coop: Builder, fleet: Fleet) -> None:
    unikernel = fleet.runs(oldest(builder, "hello"))
    builder.faults.add(Kind.ERROR, times=None)
    polling.poll(robur_coop.pk)
    assert state(robur_coop).failures == 1
    assert state(robur_coop).seen_at is None
    assert shown(unikernel) == ("", None)
    builder.faults.clear()
    let_time_pass(robur_coop, seconds=1)
    polling.poll(robur_coop.pk)
    assert (state(robur_coop).failures, robur_coop.trouble_text) == (0, "")
    assert state(robur_coop).seen_at is not None
    assert shown(unikernel)[0] == "update"


@pytest.mark.parametrize("kind", [Kind.ERROR, Kind.HTML, Kind.GARBAGE, Kind.CUT])
def test_one_job_in_trouble_hides_no_other(
    builder: Server, robur_coop: Builder, fleet: Fleet, kind: Kind
) -> None:
    broken = [fleet.runs(digest_of(build)) for build in builder.catalogue.builds("hello")]
    others = [fleet.runs(oldest(builder, job)) for job in ("unipi", "traceroute", "caldav")]
    polling.poll(robur_coop.pk)
    before = [shown(unikernel) for unikernel in (*broken, *others)]
    let_time_pass(robur_coop, days=1)
    builder.faults.add(kind, "/job/hello*", times=None)
    polling.poll(robur_coop.pk)
    assert state(robur_coop).failures == 1
    assert robur_coop.trouble_text.startswith("hello: ")
    assert [shown(unikernel) for unikernel in (*broken, *others)] == before
    recent = Standing.objects.filter(judged_at__gt=timezone.now() - timedelta(hours=1))
    assert recent.count() == 3


def test_a_server_in_trouble_is_not_asked_for_all_the_rest(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    for number in range(10):
        fleet.runs(f"{number:064x}")
    builder.faults.add(Kind.ERROR, times=None)
    polling.poll(robur_coop.pk)
    assert len(builder.requests) == polling.TROUBLES_IN_A_ROW


def test_only_one_asks_a_builder_at_a_time(builder: Server, robur_coop: Builder, fleet: Fleet) -> None:
    fleet.runs(oldest(builder, "hello"))
    Builder.objects.filter(pk=robur_coop.pk).update(retry_at=timezone.now() + polling.LEASE)
    assert polling.due_builders(timezone.now()) == []
    polling.poll(robur_coop.pk)
    assert builder.requests == []


def test_a_poller_that_died_is_followed_by_another(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    fleet.runs(oldest(builder, "hello"))
    Builder.objects.filter(pk=robur_coop.pk).update(retry_at=timezone.now() - timedelta(seconds=1))
    assert polling.due_builders(timezone.now()) == [robur_coop.pk]


def test_a_poller_whose_time_is_over_writes_no_facts_of_the_builder(
    builder: Server, robur_coop: Builder, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.runs(oldest(builder, "hello"))
    theirs = timezone.now() + timedelta(hours=1)

    def meanwhile() -> int:
        Builder.objects.filter(pk=robur_coop.pk).update(retry_at=theirs)
        return 0

    monkeypatch.setattr(polling, "settle", meanwhile)
    polling.poll(robur_coop.pk)
    assert state(robur_coop).retry_at == theirs
    assert robur_coop.seen_at is None


def test_a_round_that_takes_long_leaves_the_rest_to_the_next(
    builder: Server, robur_coop: Builder, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.runs(oldest(builder, "hello"))
    monkeypatch.setattr(polling, "ROUND_SECONDS", 0)
    polling.poll(robur_coop.pk)
    assert not Standing.objects.exists()
    assert state(robur_coop).failures == 0
    assert polling.due_builders(timezone.now() + polling.PAUSE) == [robur_coop.pk]


def test_standings_of_what_runs_no_more_are_forgotten(
    builder: Server, robur_coop: Builder, fleet: Fleet
) -> None:
    unikernel = fleet.runs(oldest(builder, "hello"))
    polling.poll(robur_coop.pk)
    Unikernel.objects.filter(pk=unikernel.pk).update(digest=oldest(builder, "unipi"))
    let_time_pass(robur_coop, days=8)
    polling.poll(robur_coop.pk)
    assert [standing.digest for standing in Standing.objects.all()] == [oldest(builder, "unipi")]
