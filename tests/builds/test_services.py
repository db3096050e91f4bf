"""Builders and who may change them; questions that a page asks and a worker answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from redis import Redis

from accounts.actors import SYSTEM, Actor
from accounts.models import Event, Team, User
from albatross.models import Instance
from mollymawk.errors import Conflict, Forbidden, Invalid, Missing, Refused
from tests.builds.conftest import build_row
from unikernels.builds import lookups, services, tasks
from unikernels.builds.edge import client_for, new_client
from unikernels.builds.errors import TimedOut
from unikernels.builds.risk import Grade
from unikernels.builds.simulator.faults import Kind
from unikernels.builds.simulator.publishing import publish
from unikernels.builds.simulator.server import Server
from unikernels.builds.web import Limits
from unikernels.models import Build, Builder, Lookup, Standing, Unikernel, Version

What = Lookup.What


def answered(lookup: Lookup) -> Lookup:
    """What a worker makes of a question."""
    lookups.answer(lookup.pk, lookup.asked_at)
    lookup.refresh_from_db()
    return lookup


@pytest.fixture
def actor(bob: User) -> Actor:
    return Actor(bob, "session")


# --- builders ------------------------------------------------------------------------------------


def test_a_builder_is_added_in_one_form_and_written_down(root: User) -> None:
    actor = Actor(root, "session")
    builder = services.builder_add(actor=actor, name=" Robur ", url="https://Builds.robur.coop:443/")
    assert (builder.name, builder.url, builder.ca) == ("robur", "https://builds.robur.coop", "")
    event = Event.objects.get(kind="builder.added")
    assert (event.subject, event.actor) == ("builder:robur", root)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "with/slash"),
        ("url", "builds.robur.coop"),
        ("url", "https://u:p@builds.robur.coop"),
        ("url", "https://builds.robur.coop/all-builds"),
        ("ca", "no certificate"),
        ("ca", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----"),
        ("ca", "ü"),
    ],
)
def test_what_is_no_builder_is_told_by_its_field(db: None, field: str, value: str) -> None:
    given = {"name": "robur", "url": "https://builds.robur.coop"} | {field: value}
    with pytest.raises(Invalid) as raised:
        services.builder_add(actor=SYSTEM, **given)
    assert list(raised.value.fields) == [field]
    assert not Builder.objects.exists()


@pytest.mark.parametrize("twin", [{"name": "robur-coop"}, {"url": ""}])
def test_a_name_and_an_address_are_there_once(robur_coop: Builder, twin: dict[str, str]) -> None:
    given = {"name": "other", "url": "https://other.example"} | twin
    with pytest.raises(Conflict):
        services.builder_add(actor=SYSTEM, name=given["name"], url=given["url"] or robur_coop.url)


def test_only_superusers_change_builders(robur_coop: Builder, alice: User) -> None:
    owner = Actor(alice, "session")
    for change in (
        lambda: services.builder_add(actor=owner, name="mine", url="https://mine.example"),
        lambda: services.builder_change(actor=owner, builder=robur_coop, name="mine"),
        lambda: services.builder_remove(actor=owner, builder=robur_coop),
    ):
        with pytest.raises(Forbidden):
            change()


def test_another_address_makes_all_anew(robur_coop: Builder) -> None:
    Standing.objects.create(builder=robur_coop, digest="ab" * 32, standing="update", judged_at=timezone.now())
    Builder.objects.update(failures=3, retry_at=timezone.now() + timedelta(hours=1), trouble_text="gone")
    changed = services.builder_change(actor=SYSTEM, builder=robur_coop, url="https://other.example")
    assert (changed.failures, changed.retry_at, changed.trouble_text) == (0, None, "")
    assert not Standing.objects.exists()
    assert Event.objects.get(kind="builder.changed").data == {"fields": ["url"]}


def test_a_builder_is_forgotten_with_all_that_it_told(builder: Server, robur_coop: Builder) -> None:
    build = build_row(builder, robur_coop, "hello")
    Standing.objects.create(
        builder=robur_coop, digest=build.digest, standing="current", found=build, judged_at=timezone.now()
    )
    services.builder_remove(actor=SYSTEM, builder=robur_coop)
    assert not Builder.objects.exists()
    assert not Build.objects.exists()


def test_a_builder_whose_builds_run_stays(builder: Server, robur_coop: Builder, robur: Team) -> None:
    build = build_row(builder, robur_coop, "hello")
    instance = Instance.objects.create(name="fra-1", address="192.0.2.1:1025")
    unikernel = Unikernel.objects.create(instance=instance, team=robur, path="robur", name="web")
    Version.objects.create(
        unikernel=unikernel, number=1, digest=build.digest, configuration={}, sealed_arguments="", build=build
    )
    with pytest.raises(Refused, match="1 version"):
        services.builder_remove(actor=SYSTEM, builder=robur_coop)
    assert Builder.objects.exists()
    assert not Event.objects.filter(kind="builder.removed").exists()


def test_everybody_who_is_here_may_look(builder: Server, robur_coop: Builder, actor: Actor) -> None:
    build = build_row(builder, robur_coop, "hello")
    assert list(services.builders_of(actor)) == [robur_coop]
    assert services.builder_named(actor, "robur-coop") == robur_coop
    assert services.build_of(actor, build.pk) == build
    with pytest.raises(Missing):
        services.builder_named(actor, "nobody")
    with pytest.raises(Missing):
        services.build_of(actor, build.pk + 1)


def test_who_was_deactivated_may_not(robur_coop: Builder, bob: User) -> None:
    bob.is_active = False
    for look in (services.builders_of, lambda actor: services.build_of(actor, 1)):
        with pytest.raises(Forbidden):
            look(Actor(bob, "session"))


# --- questions -----------------------------------------------------------------------------------


def test_a_question_is_answered_at_once_and_asked_by_a_worker(  # noqa: PLR0917  # the parts of the story
    builder: Server,
    robur_coop: Builder,
    actor: Actor,
    monkeypatch: pytest.MonkeyPatch,
    redis_server: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(tasks.answer, "delay", woken.append)
    with django_capture_on_commit_callbacks(execute=True):
        lookup = services.ask(actor=actor, builder=robur_coop, what=What.JOBS)
        services.ask(actor=actor, builder=robur_coop, what=What.JOBS)
    assert services.pending(lookup)
    assert builder.requests == []
    assert woken == [lookup.pk]
    tasks.answer(lookup.pk)
    told = services.ask(actor=actor, builder=robur_coop, what=What.JOBS)
    assert not services.pending(told)
    assert {
        "name": "albatross",
        "section": "Packages",
        "synopsis": "Orchestrate and manage MirageOS unikernels with Solo5",
    } in told.data
    robur_coop.refresh_from_db()
    assert robur_coop.seen_at is not None


def test_doubled_and_late_wake_ups_ask_once(builder: Server, robur_coop: Builder, actor: Actor) -> None:
    lookup = services.ask(actor=actor, builder=robur_coop, what=What.JOBS)
    asked_at = lookup.asked_at
    for _ in range(3):
        lookups.answer(lookup.pk, asked_at)
    assert len(builder.requests) == 1


def test_the_builds_of_a_job_come_newest_first_and_stay_as_rows(
    builder: Server, robur_coop: Builder, actor: Actor
) -> None:
    lookup = answered(services.ask(actor=actor, builder=robur_coop, what=What.BUILDS, key="dns-primary-git"))
    listed = builder.catalogue.builds("dns-primary-git")
    assert [line["uuid"] for line in lookup.data] == [build.uuid for build in listed]
    newest = Build.objects.get(uuid=listed[0].uuid)
    assert lookup.data[0] == {
        "uuid": newest.uuid,
        "platform": "freebsd-14",
        "started_at": newest.started_at.isoformat(),
        "digest": newest.digest,
        "size": newest.size,
        "target": "hvt",
        "abi_version": 2,
        "devices": [["service", "net"]],
    }
    assert len(listed[0].main_binary.data) == newest.size  # type: ignore[union-attr]  # the seed has one
    builder.requests.clear()
    lookups.answer(lookup.pk, _asked_anew(lookup))
    assert builder.requests == ["GET /job/dns-primary-git"]


def _asked_anew(lookup: Lookup) -> datetime:
    now = timezone.now()
    Lookup.objects.filter(pk=lookup.pk).update(asked_at=now)
    return now


def test_a_package_is_listed_without_what_it_needs(
    builder: Server, robur_coop: Builder, actor: Actor
) -> None:
    lookup = answered(services.ask(actor=actor, builder=robur_coop, what=What.BUILDS, key="albatross"))
    assert [(line["target"], line["devices"]) for line in lookup.data] == [("", None)]


@pytest.mark.parametrize("job", ["opam-mirror", "static-website", "caldav", "hello"])
def test_what_changed_is_read_back_as_it_was(
    builder: Server, robur_coop: Builder, actor: Actor, redis_server: str, job: str
) -> None:
    new, old = builder.catalogue.builds(job)[:2]
    lookup = answered(
        services.ask(actor=actor, builder=robur_coop, what=What.CHANGES, key=f"{old.uuid}/{new.uuid}")
    )
    assert lookup.trouble_text == ""
    changes, risk = services.changes_from(lookup)
    assert changes == client_for(robur_coop).compare(old.uuid, new.uuid)
    assert bool(changes.count) is (job != "caldav")  # which needs another device, and nothing else
    grades = {"opam-mirror": Grade.HIGH, "static-website": Grade.MEDIUM, "caldav": Grade.SEVERE}
    assert risk.grade is grades.get(job, Grade.LOW)


def test_only_one_comparison_is_under_way_whatever_the_process(
    builder: Server, robur_coop: Builder, redis_server: str
) -> None:
    new, old = builder.catalogue.builds("hello")[:2]
    client = new_client(robur_coop, Limits(turn=0.1))
    with Redis.from_url(redis_server) as elsewhere:
        turn = f"builds:comparing:{builder.url}"
        elsewhere.set(turn, "another process", px=60_000)
        with pytest.raises(TimedOut, match="Another comparison"):
            client.compare(old.uuid, new.uuid)
        assert builder.requests == []
        elsewhere.delete(turn)
        client.compare(old.uuid, new.uuid)
        assert not elsewhere.exists(turn)


def test_comparisons_wait_while_redis_is_away(
    builder: Server, robur_coop: Builder, settings: Settings, tmp_path: Path
) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/nothing"
    new, old = builder.catalogue.builds("hello")[:2]
    with pytest.raises(TimedOut, match="Redis"):
        new_client(robur_coop).compare(old.uuid, new.uuid)
    assert builder.requests == []


def test_an_answer_is_asked_for_anew_when_it_is_old_and_shown_meanwhile(
    builder: Server, robur_coop: Builder, actor: Actor
) -> None:
    lookup = answered(services.ask(actor=actor, builder=robur_coop, what=What.BUILDS, key="hello"))
    assert not services.pending(services.ask(actor=actor, builder=robur_coop, what=What.BUILDS, key="hello"))
    _age(lookup, services.FRESH_FOR)
    publish(builder.catalogue, job="hello", behaviour={"lines": ["new"]})
    again = services.ask(actor=actor, builder=robur_coop, what=What.BUILDS, key="hello")
    assert services.pending(again)
    assert len(again.data) == 3
    assert len(answered(again).data) == 4


def test_a_person_can_want_it_fresh_but_what_changed_never_changes(
    builder: Server, robur_coop: Builder, actor: Actor, redis_server: str
) -> None:
    new, old = builder.catalogue.builds("hello")[:2]
    key = f"{old.uuid}/{new.uuid}"
    answered(services.ask(actor=actor, builder=robur_coop, what=What.JOBS))
    answered(services.ask(actor=actor, builder=robur_coop, what=What.CHANGES, key=key))
    assert services.pending(services.ask(actor=actor, builder=robur_coop, what=What.JOBS, fresh=True))
    again = services.ask(actor=actor, builder=robur_coop, what=What.CHANGES, key=key, fresh=True)
    assert not services.pending(again)


def test_trouble_is_told_with_the_last_answer_and_asked_again_later(
    builder: Server, robur_coop: Builder, actor: Actor
) -> None:
    lookup = answered(services.ask(actor=actor, builder=robur_coop, what=What.JOBS))
    builder.faults.add(Kind.ERROR)
    lookups.answer(lookup.pk, _asked_anew(lookup))
    told = services.ask(actor=actor, builder=robur_coop, what=What.JOBS)
    assert not services.pending(told)
    assert told.trouble_text == "The builder answered 500."
    assert told.data
    _age(told, services.AGAIN_AFTER)
    assert answered(services.ask(actor=actor, builder=robur_coop, what=What.JOBS)).trouble_text == ""


def _age(lookup: Lookup, by: timedelta) -> None:
    earlier = timezone.now() - by - timedelta(seconds=1)
    Lookup.objects.filter(pk=lookup.pk).update(asked_at=earlier, answered_at=earlier)


@pytest.mark.parametrize(
    ("what", "key"), [(What.BUILDS, ""), (What.BUILDS, "a/b"), (What.CHANGES, "a/b"), (What.CHANGES, "")]
)
def test_what_no_builder_has_is_not_asked_for(
    robur_coop: Builder, actor: Actor, what: Lookup.What, key: str
) -> None:
    with pytest.raises(Invalid):
        services.ask(actor=actor, builder=robur_coop, what=what, key=key)
    assert not Lookup.objects.exists()


def test_a_flood_of_questions_is_refused(
    robur_coop: Builder, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_WAITING", 2)
    for job in ("a", "b"):
        services.ask(actor=actor, builder=robur_coop, what=What.BUILDS, key=job)
    with pytest.raises(Conflict):
        services.ask(actor=actor, builder=robur_coop, what=What.BUILDS, key="c")
    assert services.pending(services.ask(actor=actor, builder=robur_coop, what=What.BUILDS, key="a"))


def test_a_question_whose_wake_up_was_lost_is_woken_again(robur_coop: Builder, actor: Actor) -> None:
    lookup = services.ask(actor=actor, builder=robur_coop, what=What.JOBS)
    services.ask(actor=actor, builder=robur_coop, what=What.BUILDS, key="hello")
    assert lookups.lost(timezone.now() - tasks.LOST_AFTER) == []
    Lookup.objects.update(asked_at=timezone.now() - tasks.LOST_AFTER - timedelta(seconds=1))
    assert lookups.lost(timezone.now() - tasks.LOST_AFTER) == [lookup.pk]


def test_one_worker_at_a_time_asks_a_builder_and_answers_all(
    builder: Server, robur_coop: Builder, actor: Actor, redis_server: str
) -> None:
    asked = [services.ask(actor=actor, builder=robur_coop, what=What.JOBS)]
    asked += [
        services.ask(actor=actor, builder=robur_coop, what=What.BUILDS, key=job) for job in ("hello", "unipi")
    ]
    with Redis.from_url(redis_server) as elsewhere:
        elsewhere.set(f"builds:asking:{robur_coop.pk}", "another worker", px=60_000)
        tasks.answer(asked[1].pk)
        assert builder.requests == []
        elsewhere.flushall()
    tasks.answer(asked[1].pk)
    assert not Lookup.objects.filter(lookups.PENDING).exists()


def test_a_question_that_breaks_us_is_not_asked_for_ever(
    robur_coop: Builder, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_builder: Builder, _key: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(lookups._ANSWERS, What.JOBS, broken)
    lookup = services.ask(actor=actor, builder=robur_coop, what=What.JOBS)
    with pytest.raises(ZeroDivisionError):
        answered(lookup)
    lookup.refresh_from_db()
    assert not services.pending(lookup)
    assert "wrong here" in lookup.trouble_text


def test_a_clock_that_is_ahead_elsewhere_makes_no_question_endless(
    builder: Server, robur_coop: Builder, actor: Actor
) -> None:
    lookup = services.ask(actor=actor, builder=robur_coop, what=What.JOBS)
    Lookup.objects.update(asked_at=timezone.now() + timedelta(hours=1))
    lookup.refresh_from_db()
    assert not services.pending(answered(lookup))


def test_answers_that_nobody_asks_for_are_forgotten(
    builder: Server, robur_coop: Builder, actor: Actor
) -> None:
    young = answered(services.ask(actor=actor, builder=robur_coop, what=What.JOBS))
    old = answered(services.ask(actor=actor, builder=robur_coop, what=What.BUILDS, key="hello"))
    _age(old, lookups.KEPT_FOR)
    lookups.forget_old()
    assert list(Lookup.objects.all()) == [young]


# --- finding a build -----------------------------------------------------------------------------


def test_the_newest_build_of_a_job_is_found(builder: Server, robur_coop: Builder, actor: Actor) -> None:
    newest, here = builder.catalogue.builds("dns-primary-git")[:2]
    assert services.build_find(actor=actor, builder=robur_coop, job="dns-primary-git").uuid == newest.uuid
    found = services.build_find(actor=actor, builder=robur_coop, job="dns-primary-git", platform="debian-12")
    assert (found.uuid, found.platform) == (here.uuid, "debian-12")


def test_a_build_that_is_known_is_not_asked_for(builder: Server, robur_coop: Builder, actor: Actor) -> None:
    build = build_row(builder, robur_coop, "hello", 1)
    builder.requests.clear()
    named = build.uuid.upper()
    assert services.build_find(actor=actor, builder=robur_coop, job="hello", uuid=named) == build
    assert builder.requests == []


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"job": "nothing"}, Missing),
        ({"job": "hello", "platform": "plan9"}, Missing),
        ({"job": "hello", "uuid": "0b0c4d7c-9f0c-4a1e-bb0a-3f1a9d0f2e77"}, Missing),
        ({"job": "a/b"}, Invalid),
        ({"job": "hello", "uuid": "latest"}, Invalid),
    ],
)
def test_what_is_not_there_is_said(
    robur_coop: Builder, actor: Actor, words: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        services.build_find(actor=actor, builder=robur_coop, **words)


def test_a_build_is_found_under_its_own_job_only(builder: Server, robur_coop: Builder, actor: Actor) -> None:
    build = build_row(builder, robur_coop, "hello")
    with pytest.raises(Missing, match="no such build of unipi"):
        services.build_find(actor=actor, builder=robur_coop, job="unipi", uuid=build.uuid)


def test_a_failed_build_is_none(builder: Server, robur_coop: Builder, actor: Actor) -> None:
    failed = builder.catalogue.builds("dnsvizor")[0]
    with pytest.raises(Missing, match="no main binary"):
        services.build_find(actor=actor, builder=robur_coop, job="dnsvizor", uuid=failed.uuid)


def test_a_builder_that_does_not_answer_is_waited_for_a_moment_only(
    builder: Server, robur_coop: Builder, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "HURRY_SECONDS", 0.2)
    builder.faults.add(Kind.SLOW, seconds=30, times=None)
    with pytest.raises(Refused, match="robur-coop was of no help: The builder took too long"):
        services.build_find(actor=actor, builder=robur_coop, job="hello")


def test_impossible_facts_of_a_build_are_refused_with_words(
    builder: Server, robur_coop: Builder, actor: Actor
) -> None:
    publish(builder.catalogue, job="hello", platform="p" * 100)
    with pytest.raises(Refused, match="too long"):
        services.build_find(actor=actor, builder=robur_coop, job="hello")
