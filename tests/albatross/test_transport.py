"""Every way a connection can end, against real sockets."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from albatross import messages as m
from albatross.address import Address
from albatross.certificates import Leaf, generate_ca, server_certificate, utc_now
from albatross.errors import (
    AddressInvalid,
    ClientRefused,
    ClosedWithoutAnswer,
    CommandError,
    ProtocolError,
    ServerRefused,
    TimedOut,
    Unreachable,
)
from albatross.framing import END, frame
from albatross.transport import Effect, Limits
from tests.albatross.connecting import ANSWER, LIMITS, SHORT, UNKNOWN_OUTCOME, connect, fill, say_nothing
from tests.albatross.raw_server import CA, plain_server, server_context, tls_server


def ask(address: Address, *, effect: Effect = Effect.NOTHING, limits: Limits = LIMITS) -> bytes:
    with connect(address, effect=effect, limits=limits) as connection:
        return connection.read_frame()


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "host", "port", "printed"),
        [
            ("192.0.2.1:1025", "192.0.2.1", 1025, "192.0.2.1:1025"),
            ("[::1]:99", "::1", 99, "[::1]:99"),
            ("[2001:DB8:0:0::1]", "2001:db8::1", 1025, "[2001:db8::1]:1025"),
            (" Host.Example:1 ", "host.example", 1, "host.example:1"),
            ("localhost", "localhost", 1025, "localhost:1025"),
        ],
    )
    def test_is_read(self, text: str, host: str, port: int, printed: str) -> None:
        address = Address.parse(text)
        assert (address.host, address.port, str(address)) == (host, port, printed)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ":1025",
            "::1",
            "::1:1025",
            "[::1",
            "[::g]:1",
            "[host]:1",
            "host:",
            "host:0",
            "host:65536",
            "host:x",
            "a host:1",
            "-host:1",
            "host..example:1",
            "https://host:1",
            "host:1/path",
            "x" * 300,
            "host:\N{FULLWIDTH DIGIT ONE}",
        ],
    )
    def test_is_refused(self, text: str) -> None:
        with pytest.raises(AddressInvalid):
            Address.parse(text)


class TestBeforeTheCommand:
    """Endings before the server has the certificate: nothing can have happened."""

    def refused(self, kind: type[CommandError], address: Address, limits: Limits = LIMITS) -> CommandError:
        with pytest.raises(kind) as raised:
            ask(address, effect=Effect.AT_ONCE, limits=limits)
        assert raised.value.outcome_known
        return raised.value

    def test_nobody_listens(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            error = self.refused(Unreachable, Address("127.0.0.1", unused.getsockname()[1]))
        assert "connection refused" in str(error)

    def test_nobody_answers(self) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            waiting = [socket.socket() for _ in range(4)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(full.getsockname())
            error = self.refused(Unreachable, Address("127.0.0.1", full.getsockname()[1]), SHORT)
            for one in waiting:
                one.close()
        assert "no answer within" in str(error)

    def test_a_name_that_is_not_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def not_found(*_args: object, **_more: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", not_found)
        assert "not known" in str(self.refused(Unreachable, Address("nowhere.invalid", 1)))

    def test_a_resolver_that_hangs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        release = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: release.wait(5) and [])
        error = self.refused(Unreachable, Address("slow.example", 1), SHORT)
        release.set()
        assert "not resolved in time" in str(error)

    def test_the_second_address_of_a_name_is_tried(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with tls_server(tls, lambda s: s.sendall(frame(ANSWER))) as address:
            both = [(socket.AF_INET, 0, 0, "", (host, address.port)) for host in ("127.9.9.9", "127.0.0.1")]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: both)
            assert ask(Address("two.example", address.port)) == ANSWER

    def test_an_ipv6_address(self, tls: ssl.SSLContext) -> None:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:

            def serve() -> None:
                sock, _ = listener.accept()
                with tls.wrap_socket(sock, server_side=True) as server:
                    server.sendall(frame(ANSWER))

            thread = threading.Thread(target=serve)
            thread.start()
            assert ask(Address.parse(f"[::1]:{listener.getsockname()[1]}")) == ANSWER
            thread.join()

    def test_something_that_does_not_speak_tls(self) -> None:
        with plain_server(lambda sock: sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 10)) as address:
            assert "port" in self.refused(ServerRefused, address).hint

    def test_a_close_in_the_handshake(self) -> None:
        with plain_server(lambda sock: sock.recv(1)) as address:
            assert "handshake" in str(self.refused(Unreachable, address))

    def test_silence_in_the_handshake(self) -> None:
        with plain_server(lambda sock: all(iter(lambda: sock.recv(1000), b""))) as address:
            assert "handshake" in str(self.refused(TimedOut, address, replace(LIMITS, handshake=0.02)))

    def test_tls_1_2_only(self, tls: ssl.SSLContext) -> None:
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.maximum_version = ssl.TLSVersion.TLSv1_2
        with tls_server(tls, say_nothing) as address:
            assert "TLS 1.3" in str(self.refused(ServerRefused, address))

    def test_a_server_of_another_ca(self, tmp_path: Path) -> None:
        other = server_context(tmp_path, ca=generate_ca("other"))
        with tls_server(other, say_nothing) as address:
            assert "not signed by the CA" in str(self.refused(ServerRefused, address))

    def test_a_server_of_a_ca_with_the_same_name(self, tmp_path: Path) -> None:
        other = server_context(tmp_path, ca=generate_ca("albatross"))
        with tls_server(other, say_nothing) as address:
            self.refused(ServerRefused, address)

    def test_a_server_with_an_expired_certificate(self, tmp_path: Path) -> None:
        year = timedelta(days=365)
        old_ca = generate_ca("albatross", key=CA.key, now=utc_now() - year, life=2 * year)
        pair = server_certificate(old_ca, now=utc_now() - year, life=timedelta(days=1))
        with tls_server(server_context(tmp_path, pair=pair), say_nothing) as address:
            error = self.refused(ServerRefused, address)
        assert "expired" in str(error)
        assert "clocks" in error.hint

    def test_a_client_certificate_as_server(self, tmp_path: Path) -> None:
        alice = CA.intermediate("alice", m.Policy(1, frozenset(), 1, None, frozenset()), now=utc_now())
        with tls_server(server_context(tmp_path, pair=server_certificate(alice)), say_nothing) as address:
            self.refused(ServerRefused, address)  # its chain is not sent


class TestTheCertificateIsRefused:
    """The alert comes on the first read, after a handshake that looked good."""

    @pytest.mark.parametrize("effect", Effect)
    def test_by_a_server_of_another_root(self, tmp_path: Path, effect: Effect) -> None:
        context = server_context(tmp_path, trusted=generate_ca("other"))
        with tls_server(context, say_nothing) as address, pytest.raises(ClientRefused) as refused:
            ask(address, effect=effect)
        assert refused.value.outcome_known
        assert "unknown ca" in str(refused.value)

    def test_because_clocks_differ(self, tls: ssl.SSLContext) -> None:
        with (
            tls_server(tls, say_nothing) as address,
            pytest.raises(ClientRefused, match="certificate expired") as refused,
            connect(address, leaf=a_leaf_of_the_past()) as connection,
        ):
            connection.read_frame()
        assert "clocks" in refused.value.hint

    def test_while_an_image_is_being_streamed(self, tmp_path: Path) -> None:
        context = server_context(tmp_path, trusted=generate_ca("other"))
        with tls_server(context, say_nothing) as address, pytest.raises(ClientRefused):
            fill(address)


def a_leaf_of_the_past() -> Leaf:
    then = utc_now() - timedelta(hours=1)
    return generate_ca("albatross", key=CA.key, now=then, life=timedelta(days=1)).raw_leaf(
        None, "hello", now=then
    )


class TestTheAnswer:
    def test_is_one_frame_however_it_is_cut(self, tls: ssl.SSLContext) -> None:
        def drip(server: ssl.SSLSocket) -> None:
            for byte in frame(ANSWER):
                server.sendall(bytes([byte]))

        with tls_server(tls, drip) as address:
            assert ask(address) == ANSWER

    def test_is_there_even_when_the_server_resets_the_connection_at_once(self, tls: ssl.SSLContext) -> None:
        def answer_and_reset(server: ssl.SSLSocket) -> None:
            server.sendall(frame(ANSWER))
            with socket.socket(fileno=server.detach()) as beneath:
                beneath.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 1))

        with tls_server(tls, answer_and_reset) as address:
            assert ask(address) == ANSWER

    @pytest.mark.parametrize(("effect", "known"), UNKNOWN_OUTCOME)
    def test_is_missing_after_a_clean_close(self, tls: ssl.SSLContext, effect: Effect, known: bool) -> None:
        with tls_server(tls, lambda _: None) as address, pytest.raises(ClosedWithoutAnswer) as ended:
            ask(address, effect=effect)
        assert ended.value.outcome_known is known

    @pytest.mark.parametrize(("effect", "known"), UNKNOWN_OUTCOME)
    def test_is_missing_after_a_reset(self, tls: ssl.SSLContext, effect: Effect, known: bool) -> None:
        def reset(server: ssl.SSLSocket) -> None:
            with socket.socket(fileno=server.detach()) as beneath:
                beneath.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        with tls_server(tls, reset) as address, pytest.raises(ClosedWithoutAnswer) as ended:
            ask(address, effect=effect)
        assert ended.value.outcome_known is known

    @pytest.mark.parametrize(("effect", "known"), UNKNOWN_OUTCOME)
    def test_is_missing_in_time(self, tls: ssl.SSLContext, effect: Effect, known: bool) -> None:
        with tls_server(tls, say_nothing) as address, pytest.raises(TimedOut) as late:
            ask(address, effect=effect, limits=replace(LIMITS, idle=0.02))
        assert late.value.outcome_known is known

    def test_is_given_up_when_it_trickles_for_ever(self, tls: ssl.SSLContext) -> None:
        over = threading.Event()

        def trickle(server: ssl.SSLSocket) -> None:
            server.sendall((1000).to_bytes(4, "big"))
            while not over.wait(0.005):
                server.sendall(b"x")

        with tls_server(tls, trickle) as address:
            with pytest.raises(TimedOut):
                ask(address, limits=replace(LIMITS, total=0.1))
            over.set()

    def test_is_cut(self, tls: ssl.SSLContext) -> None:
        cut = frame(ANSWER)[:-1]
        with (
            tls_server(tls, lambda s: s.sendall(cut)) as address,
            pytest.raises(ClosedWithoutAnswer) as ended,
        ):
            ask(address)
        assert "in the middle" in str(ended.value)

    @pytest.mark.parametrize("data", [b"\x7f\xff\xff\xff" + b"x" * 10, (16 * 2**20 + 1).to_bytes(4, "big")])
    def test_is_too_large(self, tls: ssl.SSLContext, data: bytes) -> None:
        with (
            tls_server(tls, lambda s: s.sendall(data)) as address,
            pytest.raises(ProtocolError, match="frame"),
        ):
            ask(address)

    @pytest.mark.parametrize("data", [END, b"\xff\xff\xff\xff"])
    def test_is_an_empty_frame(self, tls: ssl.SSLContext, data: bytes) -> None:
        with (
            tls_server(tls, lambda s: s.sendall(data)) as address,
            pytest.raises(ProtocolError, match="empty"),
        ):
            ask(address)

    def test_breaks_tls(self, tls: ssl.SSLContext) -> None:
        def garble(server: ssl.SSLSocket) -> None:
            with socket.socket(fileno=server.fileno()) as beneath:
                beneath.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
                beneath.detach()
            say_nothing(server)

        with tls_server(tls, garble) as address, pytest.raises(ProtocolError, match="TLS") as broken:
            ask(address, effect=Effect.AT_ONCE)
        assert not broken.value.outcome_known

    def test_may_be_waited_for_in_turns(self, tls: ssl.SSLContext) -> None:
        go = threading.Event()

        def answer_in_halves(server: ssl.SSLSocket) -> None:
            server.sendall(frame(ANSWER)[:6])
            go.wait(5)
            server.sendall(frame(ANSWER)[6:])

        with tls_server(tls, answer_in_halves) as address, connect(address) as connection:
            for patience in (0.01, 0):
                with pytest.raises(TimeoutError):
                    connection.read_frame(patience=patience)
            go.set()
            assert connection.read_frame(patience=5) == ANSWER


class TestInterrupt:
    def test_wakes_a_thread_that_waits(self, tls: ssl.SSLContext) -> None:
        with tls_server(tls, say_nothing) as address, connect(address) as connection:
            waker = threading.Timer(0.02, connection.interrupt)
            waker.start()
            with pytest.raises(ClosedWithoutAnswer):
                connection.read_frame()
            waker.join()

    def test_is_harmless_after_the_end(self, tls: ssl.SSLContext) -> None:
        with tls_server(tls, say_nothing) as address:
            with connect(address) as connection:
                pass
            connection.interrupt()
            connection.abort()


def test_a_chain_of_intermediates_is_sent_with_the_leaf(tls: ssl.SSLContext) -> None:
    policy = m.Policy(1, frozenset({0}), 32, None, frozenset())
    now = datetime.now(UTC)
    bob = CA.intermediate("alice", policy, now=now).intermediate("bob", policy, now=now)

    leaf = bob.raw_leaf(None, "hello", now=now)
    with (
        tls_server(tls, lambda s: s.sendall(frame(ANSWER))) as address,
        connect(address, leaf=leaf) as connection,
    ):
        assert connection.read_frame() == ANSWER  # the server verified the chain up to its root
