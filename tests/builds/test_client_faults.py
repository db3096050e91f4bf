"""Everything that a builder-web can do wrong ends in an error that says so, and leaves nothing behind."""

from __future__ import annotations

import io
import json
import socket
from threading import Thread
from typing import Any

import pytest

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
from unikernels.builds.simulator.server import Server
from unikernels.builds.web import Limits

FILE, JOB = "*/f/bin/*", "/job/hello"
HASTY = Limits(connect=1, read=0.3, total=0.3, compare=0.3, download=0.3, turn=1, json_bytes=200_000)


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
    ("endless", {"path": FILE}, BuilderError),
    ("slow", {"path": FILE, "seconds": 60}, TimedOut),
    ("drip", {"path": FILE, "seconds": 0.05}, TimedOut),
]


@pytest.mark.parametrize(("kind", "words", "error"), FETCHING, ids=lambda value: str(value)[:40])
def test_a_download_is_whole_and_right_or_an_error(
    builder: Server, newest: Build, kind: str, words: dict[str, Any], error: type[BuilderError]
) -> None:
    client = Client(builder.url, limits=HASTY)
    client.digest_of(newest)
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
    ("endless", {}, BuilderError),
    ("slow", {"seconds": 60}, TimedOut),
    ("drip", {"seconds": 0.02}, TimedOut),
]


@pytest.mark.parametrize(("kind", "words", "error"), ASKING, ids=lambda value: str(value)[:40])
def test_an_answer_is_read_or_an_error(
    builder: Server, kind: str, words: dict[str, Any], error: type[BuilderError]
) -> None:
    builder.faults.add(kind, JOB, **words)
    with pytest.raises(error):
        Client(builder.url, limits=HASTY).job_builds("hello")


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


def test_what_is_no_http_is_a_bad_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

        thread = Thread(target=answer)
        thread.start()
        with pytest.raises(BadAnswer):
            Client(f"http://127.0.0.1:{server.getsockname()[1]}").jobs()
        thread.join()


def test_only_gets_are_sent_and_never_a_stray_query(client: Client, builder: Server, newest: Build) -> None:
    client.jobs()
    client.fetch(newest, io.BytesIO())
    assert all(request.startswith("GET /") for request in builder.requests)
    assert not [request for request in builder.requests if "?" in request and "platform" not in request]
