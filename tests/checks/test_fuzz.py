"""Whatever a server answers, a try ends with a verdict that can be stored."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.checks.conftest import Probe
from tests.checks.servers import datagrams, request_of, serving
from unikernels.checks.probes import MAX_TEXT, Found
from unikernels.models import CheckResult

PASSED, FAILED, INCONCLUSIVE = CheckResult.Outcome
# The servers are the same for all examples, and so is what each of them is told to answer.
each_on_one_server = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

HEADERS = st.sampled_from(
    [
        b"Content-Length: 5",
        b"Content-Length: -1",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: x",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"Location: /",
        b"Location: \xff\x00",
        b"Location: http://[",
        b"Connection: keep-alive",
        b"no header",
        b" folded",
        b"\xff: \xfe",
        b"",
    ]
)
LINES = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.0 302 Found", b"HTTP/1.1 100 Continue", b"HTTP/9.9 -1", b""]
)
HTTP = st.builds(
    lambda line, headers, body: b"\r\n".join([line, *headers, b"", body]),
    LINES,
    st.lists(HEADERS, max_size=4),
    st.binary(max_size=30)
    | st.sampled_from([b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b"-5\r\nhello", b"hello"]),
)


def storable(found: Found) -> bool:
    return (
        found.text != "" and found.text.isprintable() and len(found.text) <= MAX_TEXT and found.latency >= 0
    )


def test_any_answer_to_http(here: str, ask: Probe) -> None:
    answers: list[bytes] = []

    def handle(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(answers[-1])

    with serving(here, handle) as server:

        @each_on_one_server
        @given(HTTP | st.binary(max_size=200), st.sampled_from(["", "hello"]))
        def check(answer: bytes, text: str) -> None:
            answers.append(answer)
            found = ask("http", url=server.url, text=text)
            assert storable(found)
            assert found.outcome != INCONCLUSIVE
            assert found.outcome == FAILED or text.encode() in answer

        check()


@pytest.mark.parametrize("framed", [True, False])
def test_any_answer_to_dns(here: str, ask: Probe, framed: bool) -> None:
    answers: list[bytes] = []

    def tail(query: bytes) -> bytes:
        return query[:2] + answers[-1]

    def handle(connection: socket.socket) -> None:
        (length,) = struct.unpack("!H", connection.recv(2))
        data = tail(connection.recv(length))
        connection.sendall(struct.pack("!H", len(data)) + data if framed else data)

    with serving(here, handle) as server, datagrams(here, server.port, lambda query: [tail(query)]):

        @settings(each_on_one_server, max_examples=30)
        @example(b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x00\x00\x10\x00\x01\xc0\x0c\x00\x10\x00\x01")
        @given(st.binary(max_size=60))
        def check(answer: bytes) -> None:
            answers.append(answer)
            found = ask("dns", server=server.place, name="a", type="TXT", timeout=0.05)
            assert storable(found)
            assert found.outcome == FAILED

        check()
