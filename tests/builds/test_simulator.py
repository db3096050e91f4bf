"""The small builder-web has the manners of the real one, and can be told to lose them."""

from __future__ import annotations

import io
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from albatross import solo5
from albatross.errors import ImageRefused
from albatross.simulator import elf
from albatross.simulator.behaviour import Behaviour, read
from albatross.simulator.images import BEHAVIOUR_SECTION, examples
from tests.builds import recorded
from unikernels.builds.client import Client
from unikernels.builds.simulator.publishing import publish
from unikernels.builds.simulator.seed import seed
from unikernels.builds.simulator.server import Server, serving


def exchange(
    builder: Server, method: str, target: str, accept: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and the raw rest of one exchange; reads until the server closes."""
    line = f"{method} {target} HTTP/1.1\r\nHost: builder\r\n" + (f"Accept: {accept}\r\n" if accept else "")
    with socket.create_connection(("127.0.0.1", builder.server_address[1]), timeout=10) as connection:
        connection.sendall(f"{line}\r\n".encode())
        with connection.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
    first, *others = head.decode().split("\r\n")
    headers = dict(other.lower().split(": ", 1) for other in others)
    return int(first.split()[1]), headers, body


def like(builder: Server, number: str) -> tuple[str, str]:
    """The target and Accept header of a recorded conversation, for a build that is here."""
    told = recorded.conversations()[number]
    build = builder.catalogue.latest("dns-primary-git", "debian-12")
    assert build is not None
    assert build.main_binary is not None
    target = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", build.uuid, told["path"])
    target = re.sub(r"sha256=[0-9a-f]{64}", f"sha256={build.main_binary.sha256}", target)
    return target.replace(".spt", ".hvt"), told["accept"]


@pytest.mark.parametrize(
    "number", ["089", "099", "126", "161", "163", "189", "222", "234", "277", "310", "355"]
)
def test_answers_have_the_status_headers_and_keys_of_the_real_ones(builder: Server, number: str) -> None:
    told = recorded.conversations()[number]
    target, accept = like(builder, number)
    status, headers, body = exchange(builder, told["method"], target, accept)
    real = {name.lower(): value for name, value in told["headers"]}
    assert status == told["status"]
    assert headers.keys() == real.keys()
    assert headers.get("content-type") == real.get("content-type")
    if headers.get("content-type") == "application/json":
        assert shape(json.loads(body)) == shape(json.loads(told["body"]))
        assert b"\n" not in body
    if "location" in real:
        assert without_uuid(headers["location"]) == without_uuid(real["location"].replace(".spt", ".hvt"))
        assert body == b""


def without_uuid(path: str) -> str:
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", path)


def shape(value: Any) -> Any:
    """The keys of an answer, all the way down, without those that depend on what is compared."""
    if isinstance(value, dict):
        return {key: shape(told) for key, told in value.items() if key not in {"latest", "jobs_by_section"}}
    if isinstance(value, list):
        return "list"
    return type(value).__name__


def test_a_head_is_answered_with_a_body(builder: Server) -> None:
    status, headers, body = exchange(builder, "HEAD", "/all-builds")
    assert status == recorded.conversations()["398"]["status"] == 404
    assert headers["transfer-encoding"] == "chunked"
    assert len(body) > 16_000


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("text/html, application/json;q=0.1", "application/json"),
        ("", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        ("application/*", "text/html; charset=utf-8"),
        ("Application/JSON", "text/html; charset=utf-8"),
    ],
)
def test_json_is_given_to_who_asks_for_exactly_that(builder: Server, accept: str, kind: str) -> None:
    status, headers, _ = exchange(builder, "GET", "/all-builds", accept)
    assert (status, headers["content-type"]) == (200, kind)


@pytest.mark.parametrize(
    "target",
    [
        "/all-builds?",
        "/nothing",
        "/hash",
        "/hash?sha256=ab",
        "/job/hello/build/x",
        "/job/hello/build/00000000-0000-4000-8000-000000000000",
        "/job/nothing",
        "/job/hello/build/latest?platform=",
    ],
)
def test_everything_else_is_not_found(builder: Server, target: str) -> None:
    assert exchange(builder, "GET", target, "application/json")[0] == 404


def test_a_file_that_is_known_is_not_sent_again(builder: Server) -> None:
    build = builder.catalogue.builds("hello")[0]
    assert build.main_binary is not None
    url = f"{builder.url}/job/hello/build/{build.uuid}/f/{build.main_binary.path}"
    with pytest.raises(HTTPError) as raised:
        urlopen(Request(url, headers={"If-None-Match": build.main_binary.etag}))
    assert raised.value.code == 304
    raised.value.close()
    with urlopen(Request(url, headers={"If-None-Match": f'"{build.main_binary.etag}"'})) as answer:
        assert answer.read() == build.main_binary.data


def test_a_start_is_like_the_last() -> None:
    first, second = seed(), seed()
    assert [build.uuid for build in first.builds()] == [build.uuid for build in second.builds()]
    assert first.builds() == second.builds()


def newest_behaviour(job: str) -> Behaviour:
    """What the simulated instance reads in the newest image of a job."""
    build = seed().latest(job)
    assert build is not None
    assert build.main_binary is not None
    return read(elf.section(io.BytesIO(build.main_binary.data), BEHAVIOUR_SECTION), [])


@pytest.mark.parametrize("job", ["static-website", "opam-mirror", "traceroute", "caldav", "miragevpn-router"])
def test_good_images_answer(job: str) -> None:
    behaviour = newest_behaviour(job)
    assert behaviour.http is not None
    assert (behaviour.answers, behaviour.exit_after) == (1, None)


@pytest.mark.parametrize(
    ("job", "answers", "exit_after"), [("dns-resolver", 0, None), ("unipi", 1, 1), ("tlstunnel", 0.8, None)]
)
def test_bad_images_are_bad_in_their_own_way(job: str, answers: float, exit_after: float | None) -> None:
    behaviour = newest_behaviour(job)
    assert (behaviour.answers, behaviour.exit_after) == (answers, exit_after)


def test_an_image_that_is_none_is_served_all_the_same(client: Client) -> None:
    file = io.BytesIO()
    client.fetch(client.latest("signer"), file)
    with pytest.raises(ImageRefused):
        solo5.inspect(file)


def ask(builder: Server, method: str, path: str, words: dict[str, Any] | None = None) -> Any:
    request = Request(f"{builder.url}/_simulator/{path}", json.dumps(words or {}).encode(), method=method)
    with urlopen(request) as answer:
        return json.load(answer)


def test_faults_can_be_asked_for_over_http(builder: Server) -> None:
    assert (
        ask(builder, "POST", "faults", {"kind": "error", "path": "/hash*", "times": 2})["faults"][0]["times"]
        == 2
    )
    assert exchange(builder, "GET", "/hash?sha256=ab")[0] == 500
    assert exchange(builder, "GET", "/nothing")[0] == 404
    assert ask(builder, "DELETE", "faults") == {"faults": []}
    assert exchange(builder, "GET", "/hash?sha256=ab")[0] == 404


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("faults", {"kind": "bad luck"}),
        ("faults", {"kind": "cut", "color": 1}),
        ("builds", {}),
        ("builds", {"job": "x", "devices": [["a", "gpu"]]}),
    ],
)
def test_what_cannot_be_understood_is_refused(builder: Server, path: str, words: dict[str, Any]) -> None:
    with pytest.raises(HTTPError) as raised:
        ask(builder, "POST", path, words)
    assert raised.value.code == 400
    raised.value.close()


def test_a_new_build_can_be_published_and_taken_away(client: Client, builder: Server) -> None:
    before = client.latest("caldav")
    told = ask(
        builder,
        "POST",
        "builds",
        {"job": "caldav", "behaviour": {"lines": ["new"]}, "opam": {"tls": "3.0.0"}},
    )
    after = client.latest("caldav", fresh=True)
    assert after.uuid == told["uuid"] != before.uuid
    assert after.solo5 == before.solo5
    assert client.digest_of(after) == told["sha256"]
    assert {change.name for change in client.compare(before.uuid, after.uuid).opam.changed} == {"tls"}
    ask(builder, "DELETE", f"builds/{after.uuid}")
    assert client.latest("caldav", fresh=True) == before


def test_what_was_built_again_has_one_line(client: Client, builder: Server) -> None:
    again = publish(builder.catalogue, job="traceroute", same_bytes=True)
    assert [line.uuid for line in client.job_builds("traceroute")] == [again.uuid]


def test_it_runs_by_itself_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-m", "unikernels.builds.simulator"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        assert address.startswith("http://127.0.0.1:")
        assert len(Client(address).jobs()) == 14
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("example", "job"),
    [
        ("hello", "hello"),
        ("web", "static-website"),
        ("dns", "dns-primary-git"),
        ("resolver", "dns-resolver"),
    ],
)
def test_what_a_simulated_instance_runs_in_the_beginning_are_old_builds(example: str, job: str) -> None:
    binary = seed().builds(job)[-1].main_binary
    assert binary is not None
    assert binary.data == examples()[example].image


def test_it_keeps_its_port_over_a_restart_and_takes_another_when_that_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "address"
    first = _started(file)
    assert _started(file) == first
    with serving(seed(), int(first.rpartition(":")[2])):
        assert _started(file) != first


def _started(file: Path) -> str:
    """Where it listened, in a process that has ended."""
    command = [sys.executable, "-m", "unikernels.builds.simulator", "--address-file", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
    assert line.strip().endswith(file.read_text())
    return file.read_text()
