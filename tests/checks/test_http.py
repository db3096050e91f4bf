"""HTTP checks against real servers, honest and hostile ones."""

from __future__ import annotations

import socket
from ipaddress import ip_network

import pytest

from tests.checks.conftest import Probe
from tests.checks.servers import (
    Served,
    answering,
    by_path,
    dripping,
    endlessly,
    hanging,
    http,
    request_of,
    serving,
)
from unikernels.checks import probes
from unikernels.checks.addresses import Reach
from unikernels.checks.connecting import MAX_ANSWER
from unikernels.models import CheckResult

PASSED, FAILED, INCONCLUSIVE = CheckResult.Outcome
METADATA = "http://169.254.169.254/latest/meta-data/"


def test_a_good_answer_passes_and_tells_status_and_latency(here: str, ask: Probe) -> None:
    with serving(here, answering(http(200, b"hello"))) as server:
        found = ask("http", url=server.url)
    assert (found.outcome, found.text) == (PASSED, "It answered 200.")
    assert 0 < found.latency < 5


def test_the_request_is_plain_and_names_the_host_of_the_url(here: str, ask: Probe) -> None:
    served: list[Served] = []
    with serving(here, by_path(served, {b"/status?full=1": http(200)})) as server:
        served.append(server)
        found = ask("http", url=f"http://www.example.org:{server.port}/status?full=1", connect=here)
    assert found.outcome == PASSED
    (request,) = server.requests
    assert request.startswith(b"GET /status?full=1 HTTP/1.1\r\n")
    assert f"Host: www.example.org:{server.port}\r\n".encode() in request
    assert b"Connection: close\r\n" in request


@pytest.mark.parametrize(
    ("status", "wanted", "outcome"),
    [
        (200, [200, 399], PASSED),
        (204, [200, 399], PASSED),
        (304, [200, 399], PASSED),
        (404, [200, 399], FAILED),
        (503, [200, 399], FAILED),
        (401, [401, 401], PASSED),
        (200, [401, 401], FAILED),
    ],
)
def test_the_status_has_to_be_in_the_range(
    here: str, ask: Probe, status: int, wanted: list[int], outcome: str
) -> None:
    with serving(here, answering(http(status))) as server:
        found = ask("http", url=server.url, status=wanted)
    assert found.outcome == outcome
    assert str(status) in found.text


def test_a_text_may_stand_anywhere_in_the_body_also_across_pieces(here: str, ask: Probe) -> None:
    text = "grüß dich".encode()
    body = b"x" * (probes.PIECE - 3) + text + b"y" * 1000
    with serving(here, answering(http(200, body[: probes.PIECE]), body[probes.PIECE :])) as server:
        assert ask("http", url=server.url, text="grüß").outcome == FAILED  # Content-Length ends before it
    with serving(here, answering(http(200, body))) as server:
        assert ask("http", url=server.url, text="grüß dich").outcome == PASSED
        missing = ask("http", url=server.url, text="good bye")
    assert (missing.outcome, missing.text) == (FAILED, "It answered 200, and “good bye” is not in it.")


def test_a_text_is_found_in_a_body_that_comes_in_chunks(here: str, ask: Probe) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving(here, answering(head, b"3\r\nhel\r\n", b"2\r\nlo\r\n0\r\n\r\n")) as server:
        assert ask("http", url=server.url, text="hello").outcome == PASSED


def test_without_a_text_the_body_is_not_waited_for(here: str, ask: Probe) -> None:
    def handle(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        hanging(connection)

    with serving(here, handle) as server:
        assert ask("http", url=server.url).outcome == PASSED


def test_over_ipv6(ask: Probe) -> None:
    reach = Reach(simulated=(ip_network("::1/128"),))
    with serving("::1", answering(http(200))) as server:
        assert ask("http", url=server.url, reach=reach).outcome == PASSED
        assert ask("http", url=f"http://a.org:{server.port}/", connect="::1", reach=reach).outcome == PASSED


# --- what does not answer ------------------------------------------------------------------------------


def test_nothing_there_is_a_failure(here: str, ask: Probe) -> None:
    with serving(here, hanging) as server:
        pass
    found = ask("http", url=server.url)
    assert (found.outcome, found.text) == (FAILED, "The connection is refused: nothing listens there.")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x01\x02\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1",
        b"HTTP/1.1 20000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
    ids=["nothing", "bytes", "ssh", "letters", "cut", "five digits", "many headers", "a long header"],
)
def test_what_is_no_http_is_a_failure(here: str, ask: Probe, answer: bytes) -> None:
    with serving(here, answering(answer)) as server:
        found = ask("http", url=server.url)
    assert found.outcome == FAILED
    assert found.text


def test_silence_ends_with_the_time(here: str, ask: Probe) -> None:
    with serving(here, hanging) as server:
        found = ask("http", url=server.url, timeout=0.2)
    assert (found.outcome, found.text) == (FAILED, "No complete answer within 0.2 s.")


@pytest.mark.parametrize(
    ("beginning", "again"),
    [
        (b"", b"HTTP/1.1 200 OK\r\nX-Y: zzzzzzzzzzzzzzzzzzz"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["status line", "headers", "body", "chunks"],
)
def test_a_slow_drip_ends_with_the_time_too(here: str, ask: Probe, beginning: bytes, again: bytes) -> None:
    served: list[Served] = []
    with serving(here, dripping(served, beginning + again * 1000, 0.002)) as server:
        served.append(server)
        found = ask("http", url=server.url, text="never there", timeout=0.3)
    assert (found.outcome, found.text) == (FAILED, "No complete answer within 0.3 s.")


@pytest.mark.parametrize(
    ("beginning", "again"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 8192),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"x" * 8192),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: y\r\n" * 100),
        (b"", b"x" * 8192),
    ],
    ids=["body", "chunks", "chunk size", "continue", "headers", "status line"],
)
def test_what_never_ends_is_left_after_a_little(
    here: str, ask: Probe, beginning: bytes, again: bytes
) -> None:
    sent: list[int] = []
    with serving(here, endlessly(beginning, again, sent)) as server:
        found = ask("http", url=server.url, text="never there")
    assert found.outcome == FAILED
    assert sent[0] < MAX_ANSWER + 32 * 2**20, "only what lay in the buffers of the kernel came on top"


def test_a_text_in_an_endless_body_is_found(here: str, ask: Probe) -> None:
    with serving(here, endlessly(b"HTTP/1.1 200 OK\r\n\r\nhello", b"x" * 8192, [])) as server:
        assert ask("http", url=server.url, text="hello").outcome == PASSED


def test_nothing_is_unpacked_for_anybody(here: str, ask: Probe) -> None:
    import gzip

    bomb = gzip.compress(bytes(10_000_000) + b"hello")
    with serving(here, answering(http(200, bomb, Content_Encoding="gzip"))) as server:
        assert ask("http", url=server.url, text="hello").outcome == FAILED


# --- redirects -----------------------------------------------------------------------------------------


def test_redirects_within_the_server_are_followed(here: str, ask: Probe) -> None:
    served: list[Served] = []
    answers = {
        b"/": http(302, Location="/a"),
        b"/a": http(301, Location="b?c=d"),
        b"/b?c=d": http(200, b"hello"),
    }
    with serving(here, by_path(served, answers)) as server:
        served.append(server)
        assert ask("http", url=server.url, status=[200, 200], text="hello").outcome == PASSED
    assert len(server.requests) == 3


def test_redirects_in_circles_are_a_failure(here: str, ask: Probe) -> None:
    served: list[Served] = []
    with serving(here, by_path(served, {b"/": http(307, Location="/")})) as server:
        served.append(server)
        found = ask("http", url=server.url)
    assert (found.outcome, found.text) == (FAILED, "It redirects in circles.")
    assert len(server.requests) == probes.MAX_HOPS + 1


def _elsewhere(server: Served, trap: Served) -> list[str]:
    return [
        METADATA,
        "//169.254.169.254/",
        f"http://{server.place}@{trap.place}/",
        trap.url,
        f"//{trap.place}/",
        f"https://{server.place}/",
        f"ftp://{server.place}/",
        f"http://{server.host}:{trap.port}/",
        f"http://[::ffff:{server.host}]:{server.port}/",
        "http://[::1/",
        "http://a:b:c/",
        "http://" + "9" * 5000,
        "file:///etc/passwd",
        "/with space",
        "/\x7f",
        "/\xff",
    ]


def test_redirects_elsewhere_are_not_followed_and_count_by_their_status(
    here: str, ask: Probe, simulated_network: str
) -> None:
    next_door = simulated_network.replace("0/24", "202")
    answer: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(answer[-1])

    trapped: list[Served] = []
    with (
        serving(here, handle) as server,
        serving(next_door, by_path(trapped, {b"/": http(200)})) as trap,
    ):
        trapped.append(trap)
        for location in _elsewhere(server, trap):
            header = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
            answer.append(header.encode("latin-1"))
            assert ask("http", url=server.url).text == "It answered 302.", location
            assert ask("http", url=server.url, status=[200, 299]).outcome == FAILED, location
        assert trap.requests == []


@pytest.mark.parametrize(
    "location", ["\\\\{trap}/", "http:\\\\{trap}/", "/\\{trap}/", "http:/{trap}/", "http:{trap}"]
)
def test_what_some_read_as_another_host_is_asked_of_the_same_server(
    here: str, ask: Probe, simulated_network: str, location: str
) -> None:
    heads: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        heads.append(request_of(connection))
        again = location.format(trap=trap.place)
        connection.sendall(http(302, Location=again) if len(heads) == 1 else http(200))

    trapped: list[Served] = []
    with (
        serving(simulated_network.replace("0/24", "202"), by_path(trapped, {b"/": http(200)})) as trap,
        serving(here, handle) as server,
    ):
        trapped.append(trap)
        assert ask("http", url=server.url).text == "It answered 200."
    assert (len(heads), trap.requests) == (2, [])


# --- what may not be asked -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        METADATA,
        "http://127.0.0.1/",
        "http://localhost/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[64:ff9b::7f00:1]/",
        "http://10.0.0.2/",
        "https://[fd00::1]/",
    ],
)
def test_what_may_not_be_reached_is_inconclusive(ask: Probe, url: str) -> None:
    found = ask("http", url=url)
    assert found.outcome == INCONCLUSIVE
    assert found.text


def test_the_connect_address_is_judged_not_the_name(here: str, ask: Probe) -> None:
    with serving(here, answering(http(200))) as server:
        found = ask("http", url=f"http://localhost:{server.port}/", connect=here)
        assert found.outcome == PASSED
        assert ask("http", url=server.url, connect="127.0.0.1").outcome == INCONCLUSIVE
        mapped = ask("http", url=server.url, connect=f"::ffff:{here}")
    assert mapped.outcome == PASSED, "mapped addresses are IPv4, whichever way they are written"


# --- what is stored ------------------------------------------------------------------------------------


def test_a_text_has_no_control_characters_and_at_most_300_characters() -> None:
    nasty = "\x1b[2J\x00\u202egnp.exe\r\n" + "x" * 400
    found = probes.Found(FAILED, 0.1, nasty)
    assert found.text.isprintable()
    assert len(found.text) == probes.MAX_TEXT == CheckResult._meta.get_field("text").max_length
