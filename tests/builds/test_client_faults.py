"""Everything that a builder-web can do wrong ends in an error that says so, and leaves nothing behind."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread
from time import sleep
from typing import Any

import pytest

from mollymawk.deadline import Deadline
from tests.builds import recorded
from unikernels.builds.answers import Build
from unikernels.builds.client import Client
from unikernels.builds.errors import (
    BadAnswer,
    BuilderError,
    CutOff,
    HashMismatch,
    NoBinary,
    NotThere,
    RedirectedElsewhere,
    ServerFailed,
    TimedOut,
    TooLarge,
    Unreachable,
    Unverifiable,
)
from unikernels.builds.simulator.catalogue import Artifact, SimulatedBuild
from unikernels.builds.simulator.publishing import publish
from unikernels.builds.simulator.server import Server
from unikernels.builds.web import Limits

FILE, JOB = "*/f/bin/*", "/job/hello"
PATIENT = Limits(json_bytes=200_000, binary_bytes=2_000_000)
A_MOMENT = 0.3  # seconds, for answers that never end


@pytest.fixture
def newest(client: Client) -> Build:
    return client.latest("hello")


FETCHING: list[tuple[str, dict[str, Any], type[BuilderError]]] = [
    ("not_found", {"path": "*/main-binary"}, NoBinary),
    ("not_found", {"path": FILE}, NoBinary),
    ("error", {"path": FILE}, ServerFailed),
    ("exception", {"path": FILE}, ServerFailed),
    ("close", {"path": FILE}, CutOff),
    ("cut", {"path": FILE}, CutOff),
    ("cut", {"path": FILE, "after": 0}, CutOff),
    ("wrong_hash", {"path": FILE}, HashMismatch),
    ("corrupt", {"path": FILE}, HashMismatch),
    ("wrong_length", {"path": FILE}, CutOff),
    ("short_length", {"path": FILE}, BadAnswer),
    ("not_elf", {"path": FILE}, HashMismatch),
    ("elsewhere", {"path": "*/main-binary"}, RedirectedElsewhere),
    ("elsewhere", {"path": FILE, "text": "//127.0.0.1:1/x"}, RedirectedElsewhere),
    ("elsewhere", {"path": FILE, "text": "ftp://127.0.0.1/x"}, RedirectedElsewhere),
    ("elsewhere", {"path": FILE, "text": "/all-builds"}, RedirectedElsewhere),
    ("elsewhere", {"path": FILE, "text": "http://[::1"}, RedirectedElsewhere),
    ("loop", {"path": "*/main-binary", "times": None}, RedirectedElsewhere),
    ("endless", {"path": FILE}, TooLarge),
    ("slow", {"path": FILE, "seconds": 60}, TimedOut),
    ("drip", {"path": FILE, "seconds": 0.05}, TimedOut),
]


@pytest.mark.parametrize(("kind", "words", "error"), FETCHING, ids=lambda value: str(value)[:40])
def test_a_download_is_whole_and_right_or_an_error(
    builder: Server, newest: Build, kind: str, words: dict[str, Any], error: type[BuilderError]
) -> None:
    download = A_MOMENT if error is TimedOut else PATIENT.download
    client = Client(builder.url, limits=replace(PATIENT, download=download))
    builder.faults.add(kind, **words)
    file = io.BytesIO(b"kept")
    file.seek(4)
    with pytest.raises(error):
        client.fetch(newest, file)
    assert file.getvalue() == b"kept"


@pytest.mark.parametrize(
    "faults",
    [["length_only"], ["quoted_etag"], ["no_etag"], ["length_only", "no_etag"]],
    ids=",".join,
)
def test_the_ways_of_proxies_do_no_harm(
    client: Client, builder: Server, newest: Build, faults: list[str]
) -> None:
    for kind in faults:
        builder.faults.add(kind, FILE)
    file = io.BytesIO()
    assert client.fetch(newest, file).size == len(file.getvalue()) > 0


def test_a_length_alone_tells_that_the_rest_is_missing(
    client: Client, builder: Server, newest: Build
) -> None:
    for kind in ("length_only", "cut"):
        builder.faults.add(kind, FILE)
    with pytest.raises(CutOff):
        client.fetch(newest, io.BytesIO())


def test_bytes_that_nobody_vouches_for_are_not_taken(client: Client, builder: Server, newest: Build) -> None:
    builder.faults.add("not_found", JOB, times=None)
    builder.faults.add("no_etag", FILE, times=None)
    with pytest.raises(Unverifiable):
        client.fetch(newest, io.BytesIO())
    with pytest.raises(Unverifiable):
        client.digest_of(newest)


def test_an_etag_as_proxies_write_it_vouches_too(client: Client, builder: Server, newest: Build) -> None:
    builder.faults.add("not_found", JOB, times=None)
    builder.faults.add("quoted_etag", FILE)
    builder.faults.add("quoted_etag", FILE)
    assert client.digest_of(newest) == client.fetch(newest, io.BytesIO()).sha256


def test_a_person_may_say_what_the_bytes_must_be(client: Client, newest: Build) -> None:
    digest = client.digest_of(newest)
    assert client.fetch(newest, io.BytesIO(), expected=digest.upper()).sha256 == digest
    with pytest.raises(HashMismatch):
        client.fetch(newest, io.BytesIO(), expected="ab" * 32)


def test_a_binary_may_not_be_larger_than_wanted(client: Client, builder: Server, newest: Build) -> None:
    for kind in ([], ["endless"]):
        for name in kind:
            builder.faults.add(name, FILE)
        with pytest.raises(TooLarge):
            client.fetch(newest, io.BytesIO(), max_size=700)


def test_an_empty_binary_is_none(client: Client, builder: Server) -> None:
    old = builder.catalogue.builds("hello")[0]
    empty = (Artifact("bin/hello.hvt", b""),)
    builder.catalogue.add(SimulatedBuild("hello", old.uuid, old.platform, old.started, empty))
    with pytest.raises(BadAnswer, match="empty"):
        client.fetch(client.latest("hello"), io.BytesIO())


ASKING: list[tuple[str, dict[str, Any], type[BuilderError]]] = [
    ("not_found", {}, NotThere),
    ("error", {}, ServerFailed),
    ("exception", {}, ServerFailed),
    ("close", {}, CutOff),
    ("cut", {}, CutOff),
    ("elsewhere", {}, RedirectedElsewhere),
    ("loop", {"times": None}, RedirectedElsewhere),
    ("garbage", {}, BadAnswer),
    ("garbage", {"text": "[]"}, BadAnswer),
    ("garbage", {"text": "[" * 100_000}, BadAnswer),
    ("garbage", {"text": '"\udcff"'.encode("utf-8", "surrogateescape").decode("latin-1")}, BadAnswer),
    ("html", {}, BadAnswer),
    ("endless", {}, TooLarge),
    ("slow", {"seconds": 60}, TimedOut),
    ("drip", {"seconds": 0.02}, TimedOut),
]


@pytest.mark.parametrize(("kind", "words", "error"), ASKING, ids=lambda value: str(value)[:40])
def test_an_answer_is_read_or_an_error(
    builder: Server, kind: str, words: dict[str, Any], error: type[BuilderError]
) -> None:
    builder.faults.add(kind, JOB, **words)
    total = A_MOMENT if error is TimedOut else PATIENT.total
    with pytest.raises(error):
        Client(builder.url, limits=replace(PATIENT, total=total)).job_builds("hello")


def test_errors_are_not_remembered(client: Client, builder: Server) -> None:
    builder.faults.add("error", JOB)
    with pytest.raises(ServerFailed):
        client.job_builds("hello")
    assert client.job_builds("hello")


@pytest.mark.parametrize("kind", ["error", "exception", "close"])
def test_a_comparison_that_fails_is_tried_once_more(
    client: Client, builder: Server, newest: Build, kind: str
) -> None:
    old = client.job_builds("hello")[-1]
    builder.faults.add(kind, "/compare/*")
    assert client.compare(old.uuid, newest.uuid).count > 0
    builder.faults.add(kind, "/compare/*", times=2)
    with pytest.raises((ServerFailed, CutOff)) as raised:
        client.compare(newest.uuid, old.uuid)
    assert raised.value.retryable


def test_a_server_that_shows_another_build_is_not_believed(
    client: Client, builder: Server, newest: Build
) -> None:
    other = client.latest("traceroute")
    builder.faults.add("elsewhere", "*/latest*", text=f"/job/traceroute/build/{other.uuid}")
    with pytest.raises(RedirectedElsewhere):
        client.latest("hello", newest.platform)
    builder.faults.add("elsewhere", "/job/hello/build/*", text=f"/job/traceroute/build/{other.uuid}")
    with pytest.raises(BadAnswer):
        client.build("hello", client.job_builds("hello")[-1].uuid)


@pytest.mark.parametrize("slash", ["", "/"])
def test_redirects_of_older_servers_are_followed(
    client: Client, builder: Server, newest: Build, slash: str
) -> None:
    builder.faults.add("elsewhere", "*/latest*", text=f"{builder.url}/job/hello/build/{newest.uuid}{slash}")
    assert client.latest("hello", fresh=True) == newest


def test_a_server_that_names_the_latest_without_a_redirect_is_understood(
    client: Client, builder: Server, newest: Build
) -> None:
    builder.faults.add("garbage", "*/latest*", text=json.dumps({"uuid": newest.uuid}))
    assert client.latest("hello", fresh=True) == newest


def test_what_comes_with_a_redirect_is_not_read(client: Client, builder: Server, newest: Build) -> None:
    target = f"/job/hello/build/{newest.uuid}"
    for kind in ("elsewhere", "endless"):
        builder.faults.add(kind, "*/latest*", text=target)
    assert client.latest("hello", fresh=True) == newest


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    for address in (f"http://127.0.0.1:{port}", "http://builder.invalid"):
        with pytest.raises(Unreachable) as raised:
            Client(address).jobs()
        assert raised.value.retryable


@contextmanager
def saying(words: bytes, limits: Limits = PATIENT) -> Iterator[tuple[Client, list[bytes]]]:
    """A client of a server that says *words* to one request and then nothing more; and that request."""
    heard: list[bytes] = []
    done = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                heard.append(connection.recv(4096))
                connection.sendall(words)
                done.wait(10)

        thread = Thread(target=answer)
        thread.start()
        yield Client(f"http://127.0.0.1:{server.getsockname()[1]}", limits=limits), heard
        done.set()
        thread.join()


def test_what_is_no_http_is_a_bad_answer() -> None:
    with saying(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as (client, _), pytest.raises(BadAnswer):
        client.jobs()


def test_an_answer_without_an_end_is_not_taken_for_whole_when_the_time_is_over() -> None:
    words = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"jobs":[]}'
    with saying(words, Limits(total=A_MOMENT)) as (client, _), pytest.raises(TimedOut):
        client.jobs()


def test_a_request_asks_for_json_in_the_only_way_that_works() -> None:
    with (
        saying(b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n") as (client, heard),
        pytest.raises(ServerFailed),
    ):
        client.jobs()
    lines = heard[0].split(b"\r\n")
    assert lines[0] == b"GET /all-builds HTTP/1.1"
    for line in (b"Accept: application/json", b"Accept-Encoding: identity", b"Connection: close"):
        assert line in lines


def test_a_connection_made_after_the_time_is_over_ends_at_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(0) as deadline:
        while not deadline.over:
            sleep(0.001)
        deadline.watch(ours)
        theirs.settimeout(10)
        assert theirs.recv(1) == b""


def test_a_comparison_of_other_builds_is_not_taken(client: Client, builder: Server, newest: Build) -> None:
    old = client.job_builds("hello")[-1]
    builder.faults.add("garbage", "/compare/*", text=json.dumps(recorded.body("310")))
    with pytest.raises(BadAnswer, match="other builds"):
        client.compare(old.uuid, newest.uuid)


def test_a_binary_that_says_it_is_too_large_is_not_begun(client: Client, builder: Server) -> None:
    publish(builder.catalogue, job="hello", padding=60_000)
    told: list[int] = []
    with pytest.raises(TooLarge):
        client.fetch(
            client.latest("hello"), io.BytesIO(), max_size=20_000, progress=lambda size, _: told.append(size)
        )
    assert told == []


def test_only_gets_are_sent_and_never_a_stray_query(client: Client, builder: Server, newest: Build) -> None:
    client.jobs()
    client.fetch(newest, io.BytesIO())
    assert all(request.startswith("GET /") for request in builder.requests)
    assert not [request for request in builder.requests if "?" in request and "platform" not in request]
