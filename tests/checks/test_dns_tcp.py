"""DNS and TCP checks against real servers, honest and hostile ones."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from albatross.simulator import SimulatedInstance
from tests.checks.conftest import Probe, start
from tests.checks.servers import Handler, Served, answering, datagrams, hanging, http, serving
from unikernels.checks import probes
from unikernels.checks.addresses import Reach
from unikernels.models import CheckResult

PASSED, FAILED, INCONCLUSIVE = CheckResult.Outcome
Reply = Callable[[bytes], list[bytes]]


def answer(query: bytes, *records: str, kind: str = "A", flags: int = 0, rcode: int = 0) -> bytes:
    response = dns.message.make_response(dns.message.from_wire(query))
    response.flags |= flags
    response.set_rcode(dns.rcode.Rcode(rcode))
    if records:
        name = response.question[0].name
        response.answer.append(dns.rrset.from_text_list(name, 60, "IN", kind, records))
    return response.to_wire(max_size=65535)


def saying(*records: str, **more: int | str) -> Reply:
    return lambda query: [answer(query, *records, **more)]  # type: ignore[arg-type]  # words of answer


def silent(_query: bytes) -> list[bytes]:
    return []


@contextmanager
def name_server(host: str, udp: Reply, tcp: Reply = silent) -> Iterator[tuple[Served, Served]]:
    """A server with *udp* and *tcp* answers on one port; what each of them was asked."""
    streams: list[Served] = []

    def handle(connection: socket.socket) -> None:
        (length,) = struct.unpack("!H", connection.recv(2))
        query = connection.recv(length)
        streams[0].requests.append(query)
        for data in tcp(query):
            connection.sendall(struct.pack("!H", len(data)) + data)

    with serving(host, handle) as stream, datagrams(host, stream.port, udp) as packets:
        streams.append(stream)
        yield packets, stream


def test_an_answer_by_udp_passes_and_is_told(here: str, ask: Probe) -> None:
    with name_server(here, saying("192.0.2.1", "192.0.2.2")) as (packets, stream):
        found = ask("dns", server=packets.place, name="example.org")
        right = ask("dns", server=packets.place, name="example.org", answer="192.0.2.2")
        wrong = ask("dns", server=packets.place, name="example.org", answer="192.0.2.3")
    assert (found.outcome, found.text) == (PASSED, "It answered 192.0.2.1, 192.0.2.2.")
    assert right.outcome == PASSED
    assert dns.message.from_wire(packets.requests[0]).flags & dns.flags.RD, "resolvers are checked too"
    assert wrong.outcome == FAILED
    assert "192.0.2.3 is not among them" in wrong.text
    assert stream.requests == []


@pytest.mark.parametrize(
    ("kind", "record", "wanted"),
    [
        ("AAAA", "2001:db8::1", "2001:DB8:0::1"),
        ("MX", "10 Mail.example.org.", "10 mail.EXAMPLE.org"),
        ("NS", "ns1.example.org.", "ns1.example.org."),
        ("TXT", '"v=spf1 " "-all"', "v=spf1 -all"),
    ],
)
def test_answers_are_compared_by_what_they_mean(
    here: str, ask: Probe, kind: str, record: str, wanted: str
) -> None:
    with name_server(here, saying(record, kind=kind)) as (packets, _):
        found = ask("dns", server=packets.place, name="example.org", type=kind, answer=wanted)
    assert found.outcome == PASSED


def test_what_does_not_fit_into_a_datagram_is_asked_for_by_tcp(here: str, ask: Probe) -> None:
    with name_server(here, saying(flags=dns.flags.TC), saying("192.0.2.1")) as (packets, stream):
        found = ask("dns", server=packets.place, name="example.org")
    assert found.outcome == PASSED
    assert (len(packets.requests), len(stream.requests)) == (1, 1)


def test_silence_by_udp_is_asked_again_by_tcp(here: str, ask: Probe) -> None:
    with name_server(here, silent, saying("192.0.2.1")) as (packets, stream):
        found = ask("dns", server=packets.place, name="example.org", timeout=1)
    assert found.outcome == PASSED
    assert len(stream.requests) == 1


def test_a_server_without_udp_is_asked_by_tcp(here: str, ask: Probe) -> None:
    def handle(connection: socket.socket) -> None:
        (length,) = struct.unpack("!H", connection.recv(2))
        data = answer(connection.recv(length), "192.0.2.1")
        connection.sendall(struct.pack("!H", len(data)) + data)

    with serving(here, handle) as server:
        assert ask("dns", server=server.place, name="example.org").outcome == PASSED


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (saying(rcode=dns.rcode.NXDOMAIN), "NXDOMAIN"),
        (saying(rcode=dns.rcode.SERVFAIL), "SERVFAIL"),
        (saying(rcode=dns.rcode.REFUSED), "REFUSED"),
        (saying(), "without a record A"),
        (saying("www.example.org.", kind="CNAME"), "without a record A"),
    ],
)
def test_answers_that_are_none(here: str, ask: Probe, reply: Reply, words: str) -> None:
    with name_server(here, reply) as (packets, _):
        found = ask("dns", server=packets.place, name="example.org")
    assert found.outcome == FAILED
    assert words in found.text


def _other_id(query: bytes) -> list[bytes]:
    return [bytes([query[0] ^ 0xFF]) + answer(query, "192.0.2.66")[1:]]


def _other_question(query: bytes) -> list[bytes]:
    other = dns.message.make_query("other.example.org", "A", id=int.from_bytes(query[:2], "big"))
    return [answer(other.to_wire(), "192.0.2.66")]


def _loop(query: bytes) -> list[bytes]:
    """An answer whose name points at itself."""
    return [query[:2] + b"\x80\x00\x00\x01\x00\x01\x00\x00\x00\x00" + query[12:] + b"\xc0\x1d" * 8]


@pytest.mark.parametrize(
    "forged",
    [lambda _: [b""], lambda _: [b"\x00"], lambda _: [b"\xff" * 512], _other_id, _other_question, _loop],
    ids=["empty", "a byte", "bytes", "another id", "another question", "a loop"],
)
def test_forged_datagrams_are_not_believed(here: str, ask: Probe, forged: Reply) -> None:
    with name_server(here, lambda query: [*forged(query), answer(query, "192.0.2.1")]) as (packets, _):
        found = ask("dns", server=packets.place, name="example.org", timeout=1)
    assert (found.outcome, found.text) == (PASSED, "It answered 192.0.2.1.")


@pytest.mark.parametrize(
    "handle",
    [
        lambda connection: connection.sendall(b"\xff\xff"),
        lambda connection: connection.sendall(b"\x00\x05hello"),
        lambda connection: connection.sendall(b"\x00\x00"),
        lambda connection: None,
    ],
    ids=["cut", "garbage", "empty", "closed"],
)
def test_what_is_no_dns_is_a_failure(here: str, ask: Probe, handle: Handler) -> None:
    with serving(here, handle) as server:
        found = ask("dns", server=server.place, name="example.org")
    assert found.outcome == FAILED
    assert found.text


def test_a_web_server_answers_no_questions(here: str, ask: Probe) -> None:
    with serving(here, answering(http(200))) as server:
        assert ask("dns", server=server.place, name="example.org", timeout=0.3).outcome == FAILED


def test_silence_everywhere_ends_with_the_time(here: str, ask: Probe) -> None:
    with serving(here, hanging) as server, datagrams(here, server.port, silent):
        found = ask("dns", server=server.place, name="example.org", timeout=0.4)
    assert (found.outcome, found.text) == (FAILED, "No complete answer within 0.4 s.")


def test_a_flood_of_datagrams_ends_and_is_asked_by_tcp(here: str, ask: Probe) -> None:
    """A loop that reads on as long as anything comes would never come to an end."""

    def handle(connection: socket.socket) -> None:
        (length,) = struct.unpack("!H", connection.recv(2))
        data = answer(connection.recv(length), "192.0.2.1")
        connection.sendall(struct.pack("!H", len(data)) + data)

    flooding: list[Served] = []

    def flood(query: bytes) -> Iterator[bytes]:
        while not flooding[0].over.is_set():
            yield _other_id(query)[0]

    with serving(here, handle) as server, datagrams(here, server.port, flood) as packets:
        flooding.append(packets)
        found = ask("dns", server=server.place, name="example.org", timeout=3)
        packets.over.set()
    assert (found.outcome, found.text) == (PASSED, "It answered 192.0.2.1.")


def test_a_slow_drip_by_tcp_ends_with_the_time(here: str, ask: Probe) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"\xff\xff")
        while not over.wait(0.002):
            connection.sendall(b"x")

    with serving(here, drip) as server:
        found = ask("dns", server=server.place, name="example.org", timeout=0.3)
        over.set()
    assert (found.outcome, found.text) == (FAILED, "No complete answer within 0.3 s.")


def test_what_records_say_is_stored_harmlessly(here: str, ask: Probe) -> None:
    record = '"' + "\\027[2J\\000\\010" * 20 + '"'
    with name_server(here, saying(record, record[:-1] + 'x"', kind="TXT", flags=0)) as (packets, _):
        found = ask("dns", server=packets.place, name="example.org", type="TXT")
    assert found.outcome == PASSED
    assert found.text.isprintable()
    assert len(found.text) <= probes.MAX_TEXT


@pytest.mark.parametrize("server", ["127.0.0.1", "169.254.169.253", "[::1]", "localhost:53", "10.0.0.1"])
def test_name_servers_that_may_not_be_reached_are_inconclusive(ask: Probe, server: str) -> None:
    assert ask("dns", server=server, name="example.org").outcome == INCONCLUSIVE


def test_a_simulated_name_server_passes(
    simulated: SimulatedInstance, simulated_network: str, ask: Probe
) -> None:
    address = simulated_network.replace("0/24", "9")
    zone = {"zone": "a.test", "records": {"@": {"A": ["192.0.2.1"]}}}
    start(simulated, address, {"dns": zone})
    server = f"{address}:5353"
    assert ask("dns", server=server, name="a.test", answer="192.0.2.1").outcome == PASSED
    assert ask("dns", server=server, name="b.a.test").text == "It answered NXDOMAIN."


# --- TCP -----------------------------------------------------------------------------------------------


def test_a_connection_that_is_taken_passes(here: str, ask: Probe) -> None:
    with serving(here, hanging) as server:
        found = ask("tcp", address=server.place)
    assert (found.outcome, found.text) == (PASSED, "It takes connections.")


def test_a_connection_that_is_refused_fails(here: str, ask: Probe) -> None:
    with serving(here, hanging) as server:
        pass
    found = ask("tcp", address=server.place)
    assert (found.outcome, found.text) == (FAILED, "The connection is refused: nothing listens there.")


def test_a_connection_that_nobody_takes_fails_with_the_time(here: str, ask: Probe) -> None:
    with socket.socket() as full:
        full.bind((here, 0))
        full.listen(0)
        place = f"{here}:{full.getsockname()[1]}"
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        found = ask("tcp", address=place, timeout=0.3)
        for one in waiting:
            one.close()
    assert (found.outcome, found.text) == (FAILED, "No complete answer within 0.3 s.")


def test_over_ipv6(ask: Probe) -> None:
    with serving("::1", hanging) as server:
        assert (
            ask("tcp", address=server.place, reach=Reach(simulated=(ip_network("::1/128"),))).outcome
            == PASSED
        )
        assert ask("tcp", address=server.place).outcome == INCONCLUSIVE
