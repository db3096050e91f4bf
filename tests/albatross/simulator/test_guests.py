"""What simulated unikernels do: lines, exits, HTTP, DNS, and not obeying."""

from __future__ import annotations

import http.client
import math

import dns.message
import dns.query
import dns.rcode
import pytest

from albatross import messages as m
from albatross.simulator import build_image
from albatross.simulator.behaviour import Behaviour, Dns, Failed, Http, read
from albatross.simulator.zone import dns_response
from tests.albatross.simulator.conftest import address
from tests.albatross.simulator.talk import create

NET = [("service", "net")]
NAME = "alice:web"


def run(instance, behaviour=None, *arguments, name=NAME, **more):
    devices = NET if behaviour and {"http", "dns"} & set(behaviour) else []
    bridges = tuple(m.NetDevice(device) for device, _ in devices)
    image = build_image(devices=devices, behaviour=behaviour)
    instance.run(name, create(image=image, arguments=arguments, bridges=bridges, **more))


def listen(instance, beginning, name=NAME):
    """Wait for a line on the console that begins so."""
    return instance.wait_for_line(beginning, name)


def get(host, port=8080):
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


# --- words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "argv", "behaviour"),
    [
        (None, [], Behaviour()),
        (b'{"lines": ["a", "b"]}', [], Behaviour(lines=("a", "b"))),
        (b'{"lines": ["a"]}', ["--hello=x=y"], Behaviour(lines=("x=y",))),
        (b'{"http": {"text": "hi"}}', ["--status=503", "--port=8081"], Behaviour(http=Http("hi", 503, 8081))),
        (b'{"http": {}}', ["--text=ho"], Behaviour(http=Http("ho"))),
        (b"{}", ["--text=ho", "--port=8081"], Behaviour()),
        (b'{"dns": {"zone": "x.test"}}', ["--dns-port=5354"], Behaviour(dns=Dns("x.test", {}, 5354))),
        (b"{}", ["--exit=3"], Behaviour(exit=3, exit_after=0)),
        (b"{}", ["--exit-after=2", "--exit=3"], Behaviour(exit=3, exit_after=2)),
        (b'{"ignore_term": Infinity}', [], Behaviour(ignore_term=math.inf)),
        (b"{}", ["--ipv4=127.77.1.5/24", "--unknown=1", "word"], Behaviour(ipv4="127.77.1.5/24")),
        (b"{}", ["--name=web"], Behaviour()),
        (b"{}", ["--answers=0.5", "--silence=hang"], Behaviour(answers=0.5, silence="hang")),
    ],
)
def test_words_of_the_image_and_of_the_arguments(story, argv, behaviour):
    assert read(story, argv) == behaviour


@pytest.mark.parametrize(
    ("story", "argv", "code"),
    [
        (b"no json", [], 2),
        (b"[]", [], 2),
        (b'{"unknown": 1}', [], 2),
        (b'{"every": -1}', [], 2),
        (b'{"every": NaN}', [], 2),
        (b'{"http": {"port": 80}}', [], 2),
        (b'{"http": {"status": 1}}', [], 2),
        (b'{"silence": "loud"}', [], 2),
        (b'{"http": {}}', ["--port=eighty"], 64),
        (b'{"http": {}}', ["--port=80"], 64),
        (b"{}", ["--exit=x"], 64),
        (b"{}", ["--silence=loud"], 64),
        (b'{"named": false}', ["--name=web"], 64),
    ],
)
def test_words_that_make_it_fail(story, argv, code):
    with pytest.raises(Failed) as failed:
        read(story, argv)
    assert failed.value.code == code


# --- lines and exits ---------------------------------------------------------------------------


def test_it_prints_at_the_start_and_then_again_and_again(instance):
    run(instance, {"lines": ["one", "two"], "tick": "tock", "every": 0.05})
    listen(instance, "tock")
    lines = instance.console(NAME)
    assert lines[4] == "Solo5: Bindings version v0.12.1"
    assert lines[6:9] == ["one", "two", "tock"]


def test_an_image_without_behaviour_just_runs(instance):
    run(instance)
    listen(instance, "Solo5: Memory map: 32 MB")
    assert list(instance.running()) == [NAME]


@pytest.mark.parametrize(
    ("behaviour", "detail"),
    [
        ({"exit": 7, "exit_after": 0.05}, "exit 7"),
        ({"exit_after": 0}, "exit 0"),
        ({"unknown": 1}, "exit 2"),
        ({"named": False}, "exit 64"),
    ],
)
def test_it_exits_as_it_was_told(instance, behaviour, detail):
    run(instance, behaviour)
    assert instance.observed.wait("exited", name=NAME)[0].detail == detail


def test_it_may_take_its_time_to_obey(instance):
    run(instance, {"ignore_term": 0.3})
    listen(instance, "Solo5: Memory map")
    assert instance.run(NAME, m.UnikernelDestroy()) == m.Text("destroyed unikernel")
    (killed,) = instance.observed.records("killed")
    (exited,) = instance.observed.records("exited")
    assert exited.time - killed.time >= 0.29  # what the timer promised, not how fast the machine is


# --- addresses ---------------------------------------------------------------------------------


def test_it_serves_on_the_address_it_was_given(instance):
    run(instance, {"http": {"text": "hello"}}, f"--ipv4={address(77)}/24")
    listen(instance, f"HTTP server on http://{address(77)}:8080/")
    assert get(address(77)) == (200, "hello")


def test_else_on_a_free_one_which_it_keeps(instance):
    for label in ("one", "two"):
        name = f"alice:{label}"
        run(instance, {"http": {"text": label}}, name=name)
        listen(instance, "HTTP server", name)
    assert get(address(1)) == (200, "one")
    assert get(address(2)) == (200, "two")
    for label in ("one", "two"):
        instance.run(f"alice:{label}", m.UnikernelDestroy())
    run(instance, {"http": {"text": "again", "port": 8081}}, name="alice:two")
    listen(instance, f"HTTP server on http://{address(2)}:8081/", "alice:two")
    assert get(address(2), 8081) == (200, "again")


def test_an_address_beyond_the_simulated_network_is_replaced(instance):
    run(instance, {"http": {"text": "hello"}}, "--ipv4=10.0.0.2/24")
    listen(instance, "HTTP server")
    assert f"10.0.0.2 is no simulated address, using {address(1)} instead" in instance.console(NAME)
    assert get(address(1)) == (200, "hello")


def test_two_on_one_address_do_not_fit_and_it_says_so(instance):
    argument = f"--ipv4={address(9)}/24"
    run(instance, {"http": {"text": "first"}}, argument)
    listen(instance, "HTTP server")
    run(instance, {"http": {"text": "second"}}, argument, name="alice:other")
    listen(instance, f"cannot serve on {address(9)}", "alice:other")
    assert get(address(9)) == (200, "first")
    assert len(instance.running()) == 2


def test_a_successor_gets_the_address_at_once(instance):
    for text in ("one", "two", "three"):
        behaviour = {"lines": [text], "http": {"text": text}, "dns": {"zone": text}}
        image = build_image(devices=NET, behaviour=behaviour)
        instance.run(NAME, create(force=True, image=image, bridges=(m.NetDevice("service"),)))
        listen(instance, f"DNS server for {text} on {address(1)}")
        assert get(address(1)) == (200, text)


# --- HTTP --------------------------------------------------------------------------------------


def test_the_status_is_part_of_the_story(instance):
    run(instance, {"http": {"text": "broken", "status": 503}})
    listen(instance, "HTTP server")
    assert get(address(1)) == (503, "broken")


def test_one_that_answers_half_of_the_time_answers_every_second_request(instance):
    run(instance, {"http": {"text": "ok"}, "answers": 0.5})
    listen(instance, "HTTP server")

    def answered():
        try:
            return get(address(1)) == (200, "ok")
        except (http.client.HTTPException, ConnectionError):
            return False

    assert [answered() for _ in range(6)] == [False, True] * 3


def test_one_that_hangs_says_nothing(instance):
    run(instance, {"http": {"text": "ok"}, "answers": 0, "silence": "hang"})
    listen(instance, "HTTP server")
    connection = http.client.HTTPConnection(address(1), 8080, timeout=0.2)
    connection.request("GET", "/")
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()


def test_what_has_ended_serves_no_more(instance):
    run(instance, {"http": {"text": "ok"}})
    listen(instance, "HTTP server")
    instance.run(NAME, m.UnikernelDestroy())
    with pytest.raises(ConnectionRefusedError):
        get(address(1))


# --- DNS ---------------------------------------------------------------------------------------

RECORDS = {"@": {"A": ["192.0.2.1"], "TXT": ['say "hi"', "two"]}, "www": {"A": ["192.0.2.2", "192.0.2.3"]}}
ZONE = {"zone": "simulated.test", "records": RECORDS}


def answers(response):
    return sorted(rdata.to_text() for rrset in response.answer for rdata in rrset)


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "data"),
    [
        ("simulated.test.", "A", "NOERROR", ["192.0.2.1"]),
        ("SIMULATED.test.", "TXT", "NOERROR", ['"say \\"hi\\""', '"two"']),
        ("www.simulated.test.", "A", "NOERROR", ["192.0.2.2", "192.0.2.3"]),
        ("WWW.simulated.test.", "A", "NOERROR", ["192.0.2.2", "192.0.2.3"]),
        ("www.simulated.test.", "AAAA", "NOERROR", []),
        ("none.simulated.test.", "A", "NXDOMAIN", []),
        ("elsewhere.test.", "A", "REFUSED", []),
    ],
)
def test_the_zone_is_answered(name, kind, rcode, data):
    query = dns.message.make_query(name, kind)
    response = dns.message.from_wire(dns_response(Dns(**ZONE), query.to_wire()) or b"")  # type: ignore[arg-type]  # a table of all kinds
    assert (dns.rcode.to_text(response.rcode()), answers(response)) == (rcode, data)
    assert query.is_response(response)


def test_records_that_cannot_be_read_are_a_failure_of_the_server_and_noise_is_no_query():
    query = dns.message.make_query("x.test.", "A").to_wire()
    response = dns.message.from_wire(dns_response(Dns("x.test", {"@": {"A": ["nonsense"]}}), query) or b"")
    assert response.rcode() == dns.rcode.SERVFAIL
    assert dns_response(Dns("x.test"), b"noise") is None
    assert dns_response(Dns("x.test"), b"") is None


def test_it_answers_over_udp_and_tcp(instance):
    run(instance, {"dns": ZONE})
    listen(instance, "DNS server")
    query = dns.message.make_query("simulated.test.", "A")
    for ask in (dns.query.udp, dns.query.tcp):
        assert answers(ask(query, address(1), port=5353, timeout=20)) == ["192.0.2.1"]
