"""A client and the small builder-web, over real sockets."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import pytest

from albatross import solo5
from unikernels.builds.caches import Cache
from unikernels.builds.client import Client
from unikernels.builds.errors import (
    NoBinary,
    NoSuccessfulBuild,
    NotComparable,
    NotThere,
    RequestRefused,
    TimedOut,
    UnknownBinary,
)
from unikernels.builds.risk import Grade, assess
from unikernels.builds.simulator.publishing import publish
from unikernels.builds.simulator.server import Server
from unikernels.builds.status import Newest, Standing, judge
from unikernels.builds.web import Limits


def running(builder: Server, job: str) -> str:
    """The digest of the oldest build of a job."""
    binary = builder.catalogue.builds(job)[-1].main_binary
    assert binary is not None
    return binary.sha256


def asked(builder: Server, *, after: int = 0) -> list[str]:
    return [request.removeprefix("GET ") for request in builder.requests[after:]]


def test_jobs_come_with_their_sections_and_what_their_images_need(client: Client) -> None:
    jobs = {job.name: job for job in client.jobs()}
    assert jobs["albatross"].section == "Packages"
    assert jobs["albatross"].latest is None
    assert jobs["qubes-firewall"].synopsis == ""
    latest = jobs["opam-mirror"].latest
    assert latest is not None
    assert latest.solo5 is not None
    assert latest.solo5.devices == (("service", "net"), ("tar", "block"))


def test_every_image_that_can_be_fetched_is_what_its_build_says(client: Client) -> None:
    fetched = 0
    for job in client.jobs():
        build = client.latest(job.name)
        file = io.BytesIO()
        received = client.fetch(build, file)
        assert received.sha256 == hashlib.sha256(file.getvalue()).hexdigest()
        if build.solo5 is not None:
            facts = solo5.inspect(file)
            assert (facts.target.value, facts.version) == (build.solo5.target, build.solo5.version)
            assert tuple((device.name, device.kind.value) for device in facts.devices) == build.solo5.devices
            fetched += 1
    assert fetched >= 10


@pytest.mark.parametrize(
    ("job", "standing"),
    [
        ("hello", Standing.UPDATE),
        ("traceroute", Standing.CURRENT),
        ("dns-primary-git", Standing.UPDATE),
        ("caldav", Standing.RECONFIGURE),
        ("miragevpn-router", Standing.RECONFIGURE),
        ("signer", Standing.UPDATE),
    ],
)
def test_where_the_oldest_build_of_each_job_stands(
    client: Client, builder: Server, job: str, standing: Standing
) -> None:
    digest = running(builder, job)
    found = client.by_digest(digest)
    latest = client.latest(found.job, found.platform)
    newest = Newest(latest, client.digest_of(latest))
    assert judge(digest=digest, found=found, newest=newest, running=found.solo5).standing is standing


def test_a_job_on_two_platforms_stays_on_its_own(client: Client, builder: Server) -> None:
    build = client.by_digest(running(builder, "dns-primary-git"))
    assert client.latest(build.job).platform == "freebsd-14"
    assert client.latest(build.job, build.platform).platform == "debian-12"
    assert {key: build.platform for key, build in client.latest_per_platform(build.job).items()} == {
        "debian-12": "debian-12",
        "freebsd-14": "freebsd-14",
    }


def test_a_build_made_again_with_the_same_bytes_is_found_as_the_newest(
    client: Client, builder: Server
) -> None:
    digest = running(builder, "traceroute")
    deployed = client.by_digest(digest)
    again = publish(builder.catalogue, job="traceroute", same_bytes=True)
    found = client.by_digest(digest, fresh=True)
    latest = client.latest("traceroute", found.platform)
    assert found.uuid == latest.uuid == again.uuid != deployed.uuid
    newest = Newest(latest, client.digest_of(latest))
    judgement = judge(digest=digest, found=found, newest=newest, running=None, deployed=deployed.uuid)
    assert judgement.standing is Standing.REBUILT


def test_failed_builds_are_never_the_latest(client: Client, builder: Server) -> None:
    assert client.latest("dnsvizor").has_binary
    assert builder.catalogue.builds("dnsvizor")[0].main_binary is None


def test_the_hash_of_another_file_is_no_main_binary(client: Client, builder: Server) -> None:
    build = builder.catalogue.builds("hello")[0]
    for path in ("hello.hvt.debug", "opam-switch"):
        artifact = build.artifact(path)
        assert artifact is not None
        with pytest.raises(UnknownBinary, match="at the builder"):
            client.by_digest(artifact.sha256)


def test_what_was_vacuumed_is_unknown(client: Client, builder: Server) -> None:
    digest = running(builder, "hello")
    build = client.by_digest(digest)
    builder.catalogue.vacuum(build.uuid)
    with pytest.raises(UnknownBinary):
        client.by_digest(digest, fresh=True)


def test_what_is_not_there_is_told_apart(client: Client, builder: Server) -> None:
    failed = builder.catalogue.builds("dnsvizor")[0]
    build = client.build(failed.job, failed.uuid)
    with pytest.raises(NotThere):
        client.job_builds("nothing")
    with pytest.raises(NoSuccessfulBuild, match="on plan9"):
        client.latest("hello", "plan9")
    with pytest.raises(NoBinary):
        client.fetch(build, io.BytesIO())
    with pytest.raises(NotComparable):
        client.compare(build.uuid, client.latest("dnsvizor").uuid)


def test_what_no_server_can_have_is_not_asked_for(client: Client, builder: Server) -> None:
    for call in (
        lambda: client.by_digest("ab"),
        lambda: client.build("hello", "latest"),
        lambda: client.compare("x", "y"),
        lambda: client.latest(".."),
        lambda: client.latest("a/b"),
        lambda: client.job_builds("a?platform=b"),
    ):
        with pytest.raises(RequestRefused):
            call()
    assert builder.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "builds.robur.coop",
        "ftp://a",
        "https://",
        "https://u:p@a",
        "http://a/b",
        "http://a?b",
        "http://a:x",
    ],
)
def test_an_address_is_a_server_and_nothing_more(address: str) -> None:
    with pytest.raises(RequestRefused):
        Client(address)


@pytest.mark.parametrize(
    ("address", "base_url"),
    [
        (" https://Builds.robur.coop:443/ ", "https://builds.robur.coop"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
    ],
)
def test_an_address_has_one_form(address: str, base_url: str) -> None:
    assert Client(address).base_url == base_url


def test_two_builds_are_compared_once(client: Client, builder: Server) -> None:
    old, new = (client.build("opam-mirror", line.uuid) for line in reversed(client.job_builds("opam-mirror")))
    changes = client.compare(old.uuid, new.uuid)
    before = len(builder.requests)
    assert client.compare(old.uuid, new.uuid) is changes
    assert len(builder.requests) == before
    assert assess(changes, old=old.solo5, new=new.solo5).grade is Grade.HIGH


def test_the_lists_of_the_small_server_are_swapped_like_the_real_ones(client: Client) -> None:
    old, new = reversed(client.job_builds("static-website"))
    changes = client.compare(old.uuid, new.uuid)
    assert [package.name for package in changes.system.added] == ["libnew1"]
    assert [package.name for package in changes.system.removed] == ["pkg-config"]
    assert [change.name for change in changes.system.changed] == ["libc6"]


def test_a_round_over_many_unikernels_of_a_job_asks_once(client: Client, builder: Server) -> None:
    digest = running(builder, "hello")
    for _ in range(20):
        found = client.by_digest(digest)
        client.digest_of(client.latest(found.job, found.platform))
    assert len(asked(builder)) == 5  # hash, build, job, latest, build


def test_who_knows_the_job_need_not_ask_for_each_digest(client: Client, builder: Server) -> None:
    digests = [build.main_binary.sha256 for build in builder.catalogue.builds("hello") if build.main_binary]
    found = [client.by_digest(digest, job="hello") for digest in digests]
    assert found == [client.by_digest(digest) for digest in digests]
    assert sum("/hash" in request for request in builder.requests) == len(digests)
    assert asked(builder)[0] == "/job/hello"


def test_a_job_that_has_not_these_bytes_is_no_answer(client: Client, builder: Server) -> None:
    digest = running(builder, "traceroute")
    for job in ("hello", "removed"):
        assert client.by_digest(digest, job=job).job == "traceroute"
    with pytest.raises(UnknownBinary):
        client.by_digest("ab" * 32, job="hello")


def test_only_one_comparison_is_under_way(builder: Server) -> None:
    builder.faults.add("slow", "/compare/*", times=None, seconds=0.05)
    lines = [line.uuid for line in Client(builder.url).job_builds("hello")]
    pairs = [(old, new) for old in lines for new in lines]
    under_way = Watch(builder)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda pair: Client(builder.url).compare(*pair), pairs[:6]))
    assert under_way.most == 1


class Watch:
    """Counts the comparisons that the server has under way."""

    def __init__(self, builder: Server) -> None:
        self.now = self.most = 0
        wait = builder.stopping.wait

        def waiting(seconds: float | None = None) -> bool:
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                return wait(seconds)
            finally:
                self.now -= 1

        builder.stopping.wait = waiting  # type: ignore[method-assign, assignment]  # the pause of a slow answer


def test_who_waits_too_long_for_a_turn_is_told(builder: Server) -> None:
    client = Client(builder.url, limits=Limits(turn=0.01))
    old, new = client.job_builds("hello")[:2]
    other = Client(builder.url)
    with other._comparing(), pytest.raises(TimedOut):
        client.compare(old.uuid, new.uuid)


def test_progress_is_told(client: Client, builder: Server) -> None:
    publish(builder.catalogue, job="hello", padding=600_000)
    told: list[tuple[int, int | None]] = []
    fetched = client.fetch(client.latest("hello"), io.BytesIO(), progress=lambda *words: told.append(words))
    assert told[-1] == (fetched.size, fetched.size)
    assert len(told) > 1


def test_bytes_go_to_where_the_file_stands(client: Client) -> None:
    file = io.BytesIO(b"before")
    file.seek(6)
    fetched = client.fetch(client.latest("hello"), file)
    assert file.getvalue().startswith(b"before\x7fELF")
    assert len(file.getvalue()) == 6 + fetched.size


def test_what_is_remembered_has_an_end() -> None:
    now = [0.0]
    kept: Cache[int] = Cache(10, 2, clock=lambda: now[0])
    made: list[str] = []

    def make(name: str) -> int:
        made.append(name)
        return len(made)

    assert kept.get("a", lambda: make("a")) == 1
    assert kept.get("a", lambda: make("a")) == 1
    assert kept.get("b", lambda: make("b")) == 2
    assert kept.get("a", lambda: make("a"), fresh=True) == 3
    kept.get("c", lambda: make("c"))
    assert kept.get("a", lambda: make("a")) == 3
    assert kept.get("b", lambda: make("b")) == 5
    assert kept.get("a", lambda: make("a")) == 3
    kept.get("d", lambda: make("d"))
    assert kept.get("a", lambda: make("a")) == 3
    assert kept.get("b", lambda: make("b")) == 7
    now[0] = 10.0
    assert kept.get("b", lambda: make("b")) == 8
