"""The endpoint: TLS, headers, streams, and strangers who knock."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading

import pytest
from OpenSSL import SSL

from albatross import messages as m
from albatross.simulator import SimulatedInstance, build_image
from albatross.simulator.console import MAX_SUBSCRIBERS
from tests.albatross.simulator.mint import SIGN, Minted, mint
from tests.albatross.simulator.talk import Talk, ask, create, credentials, leaf, talk

WEB = "alice:web"
SUBSCRIBED, ENDED = m.Text("subscribed"), m.FailureText("exception while reading from fd")
HELLO = build_image(behaviour={"lines": ["hello"]})


def alert(instance, certificate, key, chain=()):
    """What the server says about a certificate, at the first read."""
    with Talk(instance, certificate, key, chain) as connection, pytest.raises(SSL.Error) as refused:
        connection.receive()
    return refused.value.args[0][0][2]


# --- TLS ---------------------------------------------------------------------------------------


def test_only_tls_1_3_is_spoken(instance):
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    with socket.create_connection(("127.0.0.1", instance.port), 20) as connection:
        connection.settimeout(None)
        tls = SSL.Connection(context, connection)
        tls.set_connect_state()
        with pytest.raises(SSL.Error, match="protocol version"):
            tls.do_handshake()


def test_a_stranger_is_refused_at_the_first_read(instance):
    other = mint("ca", ca=True, usage={SIGN, "key_cert_sign"})
    made = mint("web", issuer=other, ca=False, usage={SIGN})
    assert "unknown ca" in alert(instance, made.certificate, made.key)


def test_a_leaf_without_its_intermediate_is_refused(instance):
    made = leaf(instance, WEB, m.UnikernelInfo())
    assert "unknown ca" in alert(instance, made.certificate, made.key)


def test_an_expired_leaf_is_told_so(instance):
    authority = credentials(instance).authority
    issuer = Minted(authority.certificate, authority.key)
    made = mint("web", issuer=issuer, begin=-900, end=-600)
    assert "certificate expired" in alert(instance, made.certificate, made.key)


def test_no_tickets_are_sent(instance):
    with talk(instance, WEB, create()) as connection:
        assert connection.quiet()


# --- headers -----------------------------------------------------------------------------------


def header(instance, name, command):
    with talk(instance, name, command) as connection:
        return connection.receive().header


def test_single_answers_have_the_full_name_and_sequence_zero(instance):
    for name in ("alice:web", "alice:", ":web", ":"):
        told = header(instance, name, m.UnikernelInfo())
        assert (str(told.name), told.sequence, told.version) == (name, 0, 5)


def test_streams_begin_with_a_sequence_of_the_endpoint(instance):
    ask(instance, WEB, create(image=HELLO))
    with talk(instance, WEB, m.ConsoleSubscribe(count=1)) as connection:
        first, line = connection.receive(), connection.receive()
    assert (first.payload, str(first.header.name)) == (SUBSCRIBED, WEB)
    assert first.header.sequence > 0
    assert (line.payload.text, str(line.header.name), line.header.sequence) == ("hello", WEB, 0)


# --- streams -----------------------------------------------------------------------------------


def test_a_console_is_followed_from_its_history_on(instance):
    image = build_image(behaviour={"lines": ["hello"], "tick": "tick", "every": 0.05})
    ask(instance, WEB, create(image=image))
    with talk(instance, WEB, m.ConsoleSubscribe(count=100)) as connection:
        assert connection.receive().payload == SUBSCRIBED
        texts = [connection.receive().payload.text for _ in range(10)]
    assert texts[6:] == ["hello", "tick", "tick", "tick"]


def test_a_console_waits_for_its_unikernel_and_outlives_it(instance):
    with talk(instance, WEB, m.ConsoleSubscribe(count=5)) as connection:
        assert connection.receive().payload == m.Text("waiting for VM")
        for _ in range(2):
            ask(instance, WEB, create(image=HELLO))
            lines = iter(lambda: connection.receive().payload.text, "hello")
            assert len(list(lines)) == 6
            ask(instance, WEB, m.UnikernelDestroy())
        assert connection.quiet()


def test_the_oldest_of_too_many_listeners_is_told_goodbye(instance):
    ask(instance, WEB, create(image=HELLO))
    listeners = [talk(instance, WEB, m.ConsoleSubscribe(count=0)) for _ in range(MAX_SUBSCRIBERS)]
    for listener in listeners:
        assert listener.receive().payload == SUBSCRIBED
    with talk(instance, WEB, m.ConsoleSubscribe(count=0)) as last:
        assert last.receive().payload == SUBSCRIBED
        assert listeners[0].rest() == [ENDED]
        assert listeners[1].quiet()
    for listener in listeners:
        listener.close()


def test_listeners_that_left_make_room(instance):
    ask(instance, WEB, create(image=HELLO))
    for _ in range(3 * MAX_SUBSCRIBERS):
        with talk(instance, WEB, m.ConsoleSubscribe(count=1)) as listener:
            assert listener.receive().payload == SUBSCRIBED
            assert listener.receive().payload.text == "hello"


def test_a_path_has_no_console(instance):
    with talk(instance, "alice:", m.ConsoleSubscribe(count=1)) as connection:
        assert connection.rest() == [m.FailureText("path used instead of name"), ENDED]


def test_consoles_of_what_ended_are_listed(instance):
    ask(instance, WEB, create(image=HELLO))
    assert ask(instance, "alice:", m.ConsoleListInactive()).names == ()
    ask(instance, WEB, m.UnikernelDestroy())
    assert [str(n) for n in ask(instance, "alice:", m.ConsoleListInactive()).names] == [":web"]
    assert ask(instance, WEB, m.ConsoleListInactive()) == m.FailureText("name used")


def test_samples_come_for_everything_below_with_relative_names(simulate):
    instance = simulate(statistics_interval=0.05)
    image = build_image(devices=[("a", "net"), ("b", "net")], behaviour={"memory": 7})
    nets = (m.NetDevice("a", "service"), m.NetDevice("b", "service"))
    ask(instance, WEB, create(image=image, bridges=nets))
    ask(instance, "bob:web", create(image=HELLO))
    with talk(instance, "alice:", m.StatsSubscribe()) as connection:
        assert connection.receive().payload == SUBSCRIBED
        messages = [connection.receive() for _ in range(3)]
    assert {str(message.header.name) for message in messages} == {":web"}
    assert {message.header.sequence for message in messages} == {0}
    assert messages[-1].payload.memory.rss == 7 * 256
    assert [interface.bridge for interface in messages[-1].payload.interfaces] == ["b", "a"]


@pytest.mark.parametrize(("query", "names"), [(WEB, {":web"}), (":", {WEB, "bob:web"}), ("carol:", set())])
def test_samples_are_told_relative_to_the_path_of_the_subscription(simulate, query, names):
    instance = simulate(statistics_interval=0.05)
    for name in (WEB, "bob:web"):
        ask(instance, name, create(image=HELLO))
    with talk(instance, query, m.StatsSubscribe()) as connection:
        assert connection.receive().payload == SUBSCRIBED
        assert {str(connection.receive().header.name) for _ in range(2 * len(names))} == names
        assert bool(names) or connection.quiet()


def test_of_two_who_want_the_same_samples_the_second_gets_them(simulate):
    instance = simulate(statistics_interval=0.05)
    ask(instance, WEB, create(image=HELLO))
    with (
        talk(instance, WEB, m.StatsSubscribe()) as first,
        talk(instance, "alice:", m.StatsSubscribe()) as other,
    ):
        assert [c.receive().payload for c in (first, other)] == [SUBSCRIBED, SUBSCRIBED]
        with talk(instance, WEB, m.StatsSubscribe()) as second:
            assert second.receive().payload == SUBSCRIBED
            assert first.rest()[-1] == ENDED
            assert isinstance(second.receive().payload, m.Statistics)
            assert isinstance(other.receive().payload, m.Statistics)


# --- old forms ---------------------------------------------------------------------------------


def test_old_questions_get_old_answers(instance):
    ask(instance, WEB, create(image=HELLO))
    for command, answer in (
        (m.UnikernelInfoOld4(), m.UnikernelInfosOld4),
        (m.UnikernelInfoOld5(), m.UnikernelInfosOld5),
    ):
        told = ask(instance, "alice:", command)
        assert isinstance(told, answer)
        assert [str(name) for name, _ in told.unikernels] == [":web"]


def test_old_questions_end_the_daemon_when_a_unikernel_has_two_cpus(instance):
    ask(instance, WEB, create(image=HELLO, cpuids=frozenset({0, 1})))
    assert ask(instance, "alice:", m.UnikernelInfoOld5()) == m.FailureText("error reading from fd")


# --- strangers ---------------------------------------------------------------------------------


def garbage(number):
    chance = random.Random(number)
    client_hello = bytes.fromhex("16030100c8010000c40303") + chance.randbytes(193)
    return [
        b"",
        b"\0",
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\xff\xff" + b"\0" * 100,
        client_hello,
        client_hello[:50],
        chance.randbytes(5000),
        struct.pack(">i", -1) * 100,
    ][number % 8]


def knock(instance, number):
    with socket.create_connection(("127.0.0.1", instance.port), 20) as connection:
        connection.sendall(garbage(number))
        if number % 3 == 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_garbage_does_not_disturb_those_who_talk(instance):
    ask(instance, WEB, create(image=HELLO))

    def hammer(first):
        for number in range(first, first + 100):
            knock(instance, number)

    hammers = [threading.Thread(target=hammer, args=(start,)) for start in (0, 1000)]
    silent = [socket.create_connection(("127.0.0.1", instance.port), 20) for _ in range(50)]
    for thread in hammers:
        thread.start()
    answers = [ask(instance, WEB, m.UnikernelInfo()) for _ in range(20)]
    for thread in hammers:
        thread.join()
    for connection in silent:
        connection.close()
    assert {str(name) for answer in answers for name, _ in answer.unikernels} == {WEB}


def test_garbage_after_the_handshake_only_ends_its_own_connection(instance):
    connection = talk(instance, WEB, create())
    connection.socket.send(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    with connection, pytest.raises(SSL.Error):
        connection.receive()
    assert ask(instance, WEB, create(image=HELLO)) == m.Text("created unikernel")


def test_stopping_ends_those_who_would_wait_for_ever(tmp_path):
    with SimulatedInstance(tmp_path) as instance:
        hanging = talk(instance, WEB, create())
        listening = talk(instance, WEB, m.ConsoleSubscribe(count=0))
        assert listening.receive().payload == m.Text("waiting for VM")
    for connection in (hanging, listening):
        with connection, contextlib.suppress(SSL.Error):
            connection.rest()
