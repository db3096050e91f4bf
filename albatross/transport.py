"""Connections to an instance: the only module of the client that opens sockets.

One TLS 1.3 connection carries one command, which is in the certificate that we show. Nothing here
blocks longer than ``Limits`` and the guard allow: sockets do not block, every wait has an end.
A connection that we give up is reset, so that the instance never takes what it got for the whole.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import fcntl
import math
import os
import queue
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from cryptography import x509
from OpenSSL import SSL, crypto

from albatross.address import Address
from albatross.certificates import Leaf
from albatross.endings import broken, broken_handshake, closed, out_of_time, refused_server
from albatross.errors import (
    ClosedWithoutAnswer,
    FrameError,
    ProtocolError,
    TimedOut,
    Unreachable,
)
from albatross.framing import END, MAX_LENGTH, FrameReader

Guard = Callable[[], float]
"""Returns the seconds that a connection may still take; raises when it must end now."""

MIB = 2**20
_RECORD = 16 * 1024  # the most plain text that one TLS record holds
_PIECE = 64 * 1024  # read from and written to the socket at once
_NO_AUTO_CHAIN = 0x8  # SSL_MODE_NO_AUTO_CHAIN: send what we give, do not add the root
_DRAIN_FIRST, _DRAIN_LAST = 0.001, 0.05  # seconds between two looks at what isn't sent yet
_SIOCOUTQNSD = 0x894B  # Linux: linux/sockios.h
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
_READ, _WRITE = select.POLLIN, select.POLLOUT


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may take: seconds, and bytes of a frame."""

    connect: float = 5.0  # name and TCP, all addresses of the name together
    handshake: float = 10.0
    idle: float = 30.0  # without a byte in either direction; destroy waits for the guest to end
    total: float = 60.0  # a command without what it streams
    slowest: int = 256 * 1024  # bytes a second: a stream may take so much longer
    reply: int = 16 * MIB  # 10,000 unikernels take 2.4 MB
    chunk: int = MIB  # of a stream; Albatross sends at most 64 KiB

    def for_stream(self, size: int) -> float:
        """The total seconds for a command that streams *size* bytes."""
        return self.total + size / self.slowest


class Effect(enum.Enum):
    """From when on a command may have changed something on the instance."""

    NOTHING = "it only reads"
    AT_ONCE = "the certificate is the command: when the handshake is done"
    AT_END = "when the frame that ends the stream is sent"


class Timing:
    """When a connection has to give up: by its limits, or because the guard grants no more time."""

    def __init__(self, *, idle: float, total: float, guard: Guard | None = None) -> None:
        self._end = time.monotonic() + total
        self._guard = guard
        self._granted = math.inf
        self.idle = idle

    def ask(self) -> None:
        """Have the guard grant time anew; what it raises goes through."""
        if self._guard is not None:
            self._granted = time.monotonic() + self._guard()

    def left(self) -> float:
        """Seconds until the end of all, at least 0. A grant that is used up is asked for once more."""
        if self._granted <= time.monotonic():
            self.ask()
        return max(0.0, min(self._end, self._granted) - time.monotonic())

    def lift(self) -> None:
        """No limits any more: a subscription may be quiet for ever."""
        self._end = self.idle = math.inf


def client_context(server_ca: x509.Certificate, chain: tuple[x509.Certificate, ...]) -> SSL.Context:
    """The TLS settings for all leaves that are sent with *chain*: TLS 1.3, one pinned CA, no sessions.

    Host names are not compared: Albatross's certificates have none. A resumed session would not
    show a certificate, so without the command or with an old one.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_mode(_NO_AUTO_CHAIN)
    store = context.get_cert_store()
    assert store is not None
    store.add_cert(crypto.X509.from_cryptography(server_ca))
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)  # the pinned CA need not be self-signed
    context.set_verify(SSL.VERIFY_PEER, _remember_verdict)
    for certificate in chain:
        context.add_extra_chain_cert(certificate)
    return context


def _remember_verdict(tls: SSL.Connection, _cert: crypto.X509, code: int, _depth: int, ok: int) -> bool:
    if not ok:
        tls.set_app_data(code)
    return bool(ok)


class Connection:
    """One command on its way, as a context manager: left by an exception, the connection is reset.

    All methods but ``interrupt`` belong to one thread. All raise ``CommandError``, and what the
    guard raises. TLS works in memory here and the socket beside it, because OpenSSL reads nothing any
    more after a failed write: the words of a server that refuses an upload and closes would be lost.
    """

    def __init__(
        self,
        address: Address,
        context: SSL.Context,
        leaf: Leaf,
        *,
        effect: Effect,
        limits: Limits,
        timing: Timing,
    ) -> None:
        """Connect and shake hands; then the server has *leaf* and in it the command."""
        self._timing = timing
        self._effect = effect
        self._max_frame = limits.reply
        self._early = b""
        self._established = False
        self._closing = threading.Lock()
        self.committed = False
        self.reader = FrameReader(MAX_LENGTH)
        self._tls = SSL.Connection(context, None)
        self._tls.use_certificate(leaf.certificate)
        self._tls.use_privatekey(leaf.key)
        self._tls.set_connect_state()
        timing.ask()
        self._socket = _connect(address, min(limits.connect, timing.left()))
        try:
            self._poll = select.poll()
            self._handshake(limits.handshake)
        except BaseException:
            self.abort()
            raise
        self._established = True
        self.committed = effect is Effect.AT_ONCE

    @property
    def outcome_known(self) -> bool:
        """Whether a connection that ends now has certainly changed nothing."""
        return not self.committed

    def lift_limits(self) -> None:
        """No limits of time any more, for a subscription."""
        self._timing.lift()

    # --- ending it ---

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def close(self) -> None:
        """End in order, after the answer was read."""
        with self._closing:
            if self._socket.fileno() < 0:
                return
            with contextlib.suppress(SSL.Error, OSError):  # the peer may be gone, which is no news now
                self._tls.shutdown()
                self._socket.send(self._outgoing())
            self._socket.close()

    def abort(self) -> None:
        """Reset: what was sent so far never looks complete, what waits to be sent is dropped."""
        with self._closing:
            if self._socket.fileno() >= 0:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._socket.close()

    def interrupt(self) -> None:
        """Wake the thread that waits here; for it the connection has ended. Safe from any thread."""
        with self._closing, contextlib.suppress(OSError):  # not connected any more
            self._socket.shutdown(socket.SHUT_RDWR)

    # --- receiving ---

    def read_frame(self, limit: int | None = None, *, patience: float = math.inf) -> bytes:
        """The next frame of the answer, never empty, of at most *limit* bytes (else what ``Limits`` say).

        ``TimeoutError`` when it isn't whole after *patience* seconds (0: with what is there); then it
        can be called again.
        """
        until = time.monotonic() + patience
        try:
            while (body := self.reader.next_frame(limit or self._max_frame)) is None:
                self.reader.feed(self.receive(until))
        except FrameError as error:
            raise self.wrong(f"not an answer of Albatross: {error}") from error
        if not body:
            raise self.wrong("the instance sent an empty frame")
        return body

    def receive(self, until: float = math.inf) -> bytes:
        """Some bytes of the answer; ``TimeoutError`` when *until* (monotonic) passes first."""
        data, self._early = self._early or self._decrypted(), b""
        while not data:
            self._wait(_READ, until)
            self._take_in()
            data = self._decrypted()
        return data

    def wrong(self, message: str) -> ProtocolError:
        """The error for an answer that is not one."""
        return ProtocolError(message, outcome_known=self.outcome_known)

    def _take_in(self) -> None:
        """Give TLS what the socket has, if it has something."""
        try:
            data = self._socket.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError as error:
            raise self._closed(error) from error
        if not data:
            raise self._closed(None)
        self._tls.bio_write(data)

    def _decrypted(self) -> bytes:
        """The plain text that has come in, maybe none."""
        try:
            return self._tls.recv(_RECORD)
        except SSL.WantReadError:
            return b""
        except SSL.ZeroReturnError as error:
            raise self._closed(None) from error
        except SSL.Error as error:
            raise broken(error, outcome_known=self.outcome_known) from error

    # --- sending ---

    def send(self, data: memoryview) -> bool:
        """Send *data*. False when the instance has begun to answer before all was sent."""
        if self._answers():
            return False
        for start in range(0, len(data), _PIECE):
            self._encrypt(data[start : start + _PIECE])
            if not self._flush():
                return False
        return True

    def ask_guard(self) -> None:
        """Have the guard grant more time, before something is sent or stored."""
        self._timing.ask()
        if self._timing.left() <= 0:
            raise self._timed_out()

    def finish(self) -> bool:
        """End the stream: the commit point. False when the instance has begun to answer before.

        First this system has to have sent everything, so that the end isn't queued behind data and
        goes out at some later time, even after our death; then the guard has the last word.
        """
        if not self._drain():
            return False
        self.ask_guard()
        self.committed = self._effect is not Effect.NOTHING
        return self.send(memoryview(END))

    def _encrypt(self, data: memoryview) -> None:
        while data:
            data = data[self._tls.send(data) :]

    def _outgoing(self) -> bytes:
        """What TLS wants to be sent."""
        pieces = []
        with contextlib.suppress(SSL.WantReadError):  # there is nothing more
            while True:
                pieces.append(self._tls.bio_read(2 * _PIECE))
        return b"".join(pieces)

    def _flush(self) -> bool:
        """Send what TLS wants to be sent. False when the instance has begun to answer before."""
        out = memoryview(self._outgoing())
        while out:
            try:
                out = out[self._socket.send(out) :]
            except BlockingIOError:
                if self._wait(_READ | _WRITE) & ~_WRITE and self._answers():
                    return False
            except OSError as error:  # prefer what the instance said before it closed
                if self._answers():
                    return False
                raise self._closed(error) from error
        return True

    def _answers(self) -> bool:
        """Whether the instance already says something, which is kept for ``receive``."""
        if not self._early and self._established:
            self._take_in()
            self._early = self._decrypted()
        return bool(self._early)

    def _drain(self) -> bool:
        """Wait until nothing is queued. False when the instance answers before."""
        pause = _DRAIN_FIRST
        end = time.monotonic() + self._timing.idle
        while not self._answers():
            if _unsent(self._socket) == 0:
                return True
            if min(self._timing.left(), end - time.monotonic()) <= 0:
                raise self._timed_out()
            self._poll.register(self._socket, _READ)
            self._poll.poll(math.ceil(pause * 1000))
            pause = min(2 * pause, _DRAIN_LAST)
        return False

    # --- shaking hands, waiting, failing ---

    def _handshake(self, limit: float) -> None:
        """Up to where the server's system has our certificate, which the server has not looked at."""
        end = time.monotonic() + limit
        while not self._shook_hands():
            self._flush()
            try:
                self._wait(_READ, end)
            except TimeoutError as error:
                raise self._timed_out() from error
            self._take_in()
        self._flush()

    def _shook_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            code = self._tls.get_app_data()
            raise (refused_server(code) if code else broken_handshake(error)) from error
        return True

    def _wait(self, events: int, until: float = math.inf) -> int:
        """Wait until the socket is ready for one of *events*; those that it is ready for.

        ``TimedOut`` when the limits pass first, ``TimeoutError`` when *until* passes first.
        """
        self._poll.register(self._socket, events)
        end = time.monotonic() + self._timing.idle
        while True:
            now = time.monotonic()
            left = min(self._timing.left(), end - now)
            if left <= 0:
                raise self._timed_out()
            wait = max(0.0, min(left, until - now))
            ready = self._poll.poll(None if wait == math.inf else math.ceil(wait * 1000))
            if ready:
                return ready[0][1]
            if until <= time.monotonic():
                raise TimeoutError

    def _timed_out(self) -> TimedOut:
        return out_of_time(established=self._established, outcome_known=self.outcome_known)

    def _closed(self, error: OSError | None) -> Unreachable | ClosedWithoutAnswer:
        return closed(
            error,
            established=self._established,
            mid_frame=self.reader.mid_frame,
            outcome_known=self.outcome_known,
        )


# --- TCP ---------------------------------------------------------------------------------------


def _connect(address: Address, limit: float) -> socket.socket:
    """A connected socket that does not block; ``Unreachable`` when there is none within *limit* seconds."""
    end = time.monotonic() + limit
    candidates = _resolve(address, limit)
    reason = "it has no address"
    for position, (family, target) in enumerate(candidates):
        share = (end - time.monotonic()) / (len(candidates) - position)
        found = _try_address(family, target, share)
        if isinstance(found, socket.socket):
            return found
        reason = found
    raise Unreachable(f"{address} cannot be reached: {reason}")


def _try_address(family: int, target: tuple[object, ...], limit: float) -> socket.socket | str:
    """A connected socket, or why there is none."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # The end of a stream must not wait for the acknowledgement of what came before it.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        problem = sock.connect_ex(target)
        if problem == errno.EINPROGRESS:
            problem = _connected(sock, limit)
    except OSError as error:
        problem = error.errno or errno.EIO
    if problem == 0:
        return sock
    sock.close()
    return f"no answer within {limit:.3g} s" if problem == errno.ETIMEDOUT else os.strerror(problem).lower()


def _connected(sock: socket.socket, limit: float) -> int:
    """Wait for a connection under way: 0, or the number of the error."""
    poll = select.poll()
    poll.register(sock, _WRITE)
    if not poll.poll(max(0, math.ceil(limit * 1000))):
        return errno.ETIMEDOUT
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _resolve(address: Address, limit: float) -> list[tuple[int, tuple[object, ...]]]:
    """The families and socket addresses of *address*, in the order of the system's preference."""
    if address.is_literal:
        return _look_up(address, socket.AI_NUMERICHOST)
    # The system's resolver knows no time limit: it may outlive our patience, in a thread of its own.
    answer: queue.SimpleQueue[list[tuple[int, tuple[object, ...]]] | Unreachable] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(_look_up(address, 0))
        except Unreachable as error:
            answer.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answer.get(timeout=max(0.0, limit))
    except queue.Empty as error:
        raise Unreachable(f"{address} cannot be reached: its name was not resolved in time") from error
    if isinstance(found, Unreachable):
        raise found
    return found


def _look_up(address: Address, flags: int) -> list[tuple[int, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=flags)
    except OSError as error:
        raise Unreachable(f"{address} cannot be reached: {error.strerror or error}") from error
    return [(family, target) for family, _type, _protocol, _name, target in found]


def _unsent(sock: socket.socket) -> int:
    """How many bytes this system has not yet sent; 0 where that cannot be asked."""
    if sys.platform != "linux":
        return 0
    answer = fcntl.ioctl(sock, _SIOCOUTQNSD, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])
