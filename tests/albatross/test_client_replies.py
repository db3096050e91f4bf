"""Answers that a command cannot have, from a server that says what a test wants."""

from __future__ import annotations

import io
import ssl
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from albatross import messages as m
from albatross.certificates import Credentials
from albatross.client import Client
from albatross.client.transfer import CHUNK
from albatross.errors import Failure, ProtocolError, RequestRefused, UnknownReply
from albatross.framing import frame
from albatross.names import Name
from albatross.transport import MIB, Limits
from tests.albatross.raw_server import CA, Script, hear, reply, server_context, tls_server

HELLO = Name.of(label="hello")
OTHER = Name.of(label="other")
INFO = m.Info(m.Typ.SOLO5, m.QUIT, frozenset({0}), 32, bytes(32))
LATER_VERSION = frame(bytes.fromhex("301e3013020105040800000000000000000c04666f6f3aa107b4053003020100"))


class Zeros(io.BytesIO):
    """A file of zeros."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size, self._at = size, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = self._size if whence else offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        count = min(size or 0, self._size - self._at)
        self._at += count
        return bytes(count)


class Sink(io.BytesIO):
    """A file that only counts."""

    size = 0

    def write(self, data: object) -> int:
        assert isinstance(data, bytes | memoryview)
        self.size += len(data)
        return len(data)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    return server_context(tmp_path)


def asking(tls: ssl.SSLContext, answer: bytes | Script, command: Callable[[Client], object]) -> object:
    """What *command* gives when the server answers so."""
    script = answer if callable(answer) else lambda server: server.sendall(answer)
    with tls_server(tls, script) as address:
        credentials = Credentials.load(
            server_ca=CA.certificate_pem, certificate=CA.certificate_pem, key=CA.key_pem
        )
        return command(Client(address, credentials, limits=Limits(idle=5)))


COMMANDS: dict[str, Callable[[Client], object]] = {
    "policies": lambda client: client.policies(),
    "unikernels": lambda client: client.unikernels(),
    "unikernel": lambda client: client.unikernel(HELLO),
    "get_image": lambda client: client.get_image(HELLO, io.BytesIO(), max_size=100),
    "create": lambda client: client.create(HELLO, m.Arguments(), io.BytesIO(b"x"), size=1),
    "restart": lambda client: client.restart(HELLO),
    "destroy": lambda client: client.destroy(HELLO),
    "blocks": lambda client: client.blocks(),
    "block_add": lambda client: client.block_add(HELLO, 1),
    "block_set": lambda client: client.block_set(HELLO, io.BytesIO(b"x"), size=1),
    "block_dump": lambda client: client.block_dump(HELLO, io.BytesIO()),
    "console": lambda client: client.console(HELLO),
    "inactive_consoles": lambda client: client.inactive_consoles(),
    "statistics": lambda client: client.statistics(Name()),
}
every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())


@every_command
@pytest.mark.parametrize(
    "answer",
    [
        reply(m.Empty()),
        reply(m.BlockChunk(None)),
        reply(m.UnikernelInfo()),
        reply(m.UnikernelInfosOld5(())),
        frame(b"garbage"),
        frame(b"\x30\x80\x00\x00"),
        frame(bytes(5000)),
    ],
    ids=["empty", "data", "a command", "an old form", "garbage", "indefinite length", "zeros"],
)
def test_another_answer_than_the_command_can_have(
    tls: ssl.SSLContext, command: Callable[[Client], object], answer: bytes
) -> None:
    with pytest.raises(ProtocolError):
        asking(tls, answer, command)


@every_command
def test_an_answer_of_a_later_version(tls: ssl.SSLContext, command: Callable[[Client], object]) -> None:
    with pytest.raises(UnknownReply):
        asking(tls, LATER_VERSION, command)


@every_command
def test_a_failure_is_passed_on_byte_for_byte(
    tls: ssl.SSLContext, command: Callable[[Client], object]
) -> None:
    text = "no: \udcff\x00 <é>"
    with pytest.raises(Failure) as failure:
        asking(tls, reply(m.FailureText(text)), command)
    assert str(failure.value) == text


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (lambda client: client.unikernel(HELLO), m.UnikernelInfos(((OTHER, INFO),))),
        (lambda client: client.block(HELLO), m.BlockDevices((m.BlockState(OTHER, 1, active=False),))),
    ],
    ids=["unikernel", "block"],
)
def test_an_answer_about_something_else_does_not_mean_that_nothing_is_there(
    tls: ssl.SSLContext, command: Callable[[Client], object], answer: m.Success
) -> None:
    with pytest.raises(ProtocolError, match=":other"):
        asking(tls, reply(answer), command)


class TestImages:
    def get(self, tls: ssl.SSLContext, answer: bytes | Script, *, max_size: int = 10**6) -> bytes:
        file = io.BytesIO()
        asking(tls, answer, lambda client: client.get_image(HELLO, file, max_size=max_size))
        return file.getvalue()

    @pytest.mark.parametrize("size", [0, 1, 127, 128, 4000, 5000, 300_000])
    def test_of_any_size(self, tls: ssl.SSLContext, size: int) -> None:
        assert self.get(tls, reply(m.UnikernelImage(compressed=False, image=b"x" * size))) == b"x" * size

    def test_that_come_byte_by_byte(self, tls: ssl.SSLContext) -> None:
        def drip(server: ssl.SSLSocket) -> None:
            for byte in reply(m.UnikernelImage(compressed=False, image=b"image")):
                server.sendall(bytes([byte]))

        assert self.get(tls, drip) == b"image"

    def test_whose_lengths_do_not_fit_together(self, tls: ssl.SSLContext) -> None:
        answer = bytearray(reply(m.UnikernelImage(compressed=False, image=b"x" * 300)))
        answer[4 + 3] += 1
        with pytest.raises(ProtocolError):
            self.get(tls, bytes(answer))

    def test_take_no_memory(self, tls: ssl.SSLContext) -> None:
        size = 32 * MIB
        head = reply(m.UnikernelImage(compressed=False, image=bytes(size)))[:-size]

        def send(server: ssl.SSLSocket) -> None:
            server.sendall(head)
            for _ in range(size // MIB):
                server.sendall(bytes(MIB))

        sink = Sink()
        tracemalloc.start()
        asking(tls, send, lambda client: client.get_image(HELLO, sink, max_size=size))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert sink.size == size
        assert peak < 4 * MIB


class TestUploads:
    SIZE = 32 * MIB

    def create(self, client: Client) -> str:
        return client.create(HELLO, m.Arguments(), Zeros(self.SIZE), size=self.SIZE)

    def test_take_no_memory(self, tls: ssl.SSLContext) -> None:
        def swallow(server: ssl.SSLSocket) -> None:
            left = self.SIZE + 4 * -(-self.SIZE // CHUNK) + 4
            while left > 0:
                left -= len(server.recv(65536))
            server.sendall(reply(m.Text("created unikernel"), HELLO))

        tracemalloc.start()
        asking(tls, swallow, self.create)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4 * MIB

    def test_that_the_instance_refuses_early_fail_in_its_words(self, tls: ssl.SSLContext) -> None:
        def refuse(server: ssl.SSLSocket) -> None:
            server.recv(10)
            server.sendall(reply(m.FailureText("no room"), HELLO))

        with pytest.raises(Failure, match="no room") as failure:
            asking(tls, refuse, self.create)
        assert failure.value.outcome_known

    def test_that_the_instance_calls_done_before_their_end_are_not(self, tls: ssl.SSLContext) -> None:
        def praise(server: ssl.SSLSocket) -> None:
            server.sendall(reply(m.Text("created unikernel"), HELLO))
            hear(server)

        with pytest.raises(ProtocolError, match="before the data was complete"):
            asking(tls, praise, self.create)


def test_a_block_of_which_too_much_is_sent(tls: ssl.SSLContext) -> None:
    answers = [
        reply(m.BlockDevices((m.BlockState(HELLO, 1, active=False),))),
        reply(m.BlockImage(compressed=False)) + reply(m.BlockChunk(bytes(MIB))) + reply(m.BlockChunk(b"x")),
    ]
    with pytest.raises(ProtocolError, match="more than"):
        asking(
            tls, lambda s: s.sendall(answers.pop(0)), lambda client: client.block_dump(HELLO, io.BytesIO())
        )


def test_a_block_that_is_cut(tls: ssl.SSLContext) -> None:
    answers = [
        reply(m.BlockDevices((m.BlockState(HELLO, 1, active=False),))),
        reply(m.BlockImage(compressed=False)) + reply(m.BlockChunk(bytes(9))) + reply(m.BlockChunk(None)),
    ]
    with pytest.raises(ProtocolError, match="9 of"):
        asking(
            tls, lambda s: s.sendall(answers.pop(0)), lambda client: client.block_dump(HELLO, io.BytesIO())
        )


def test_nothing_is_sent_for_what_is_refused(tls: ssl.SSLContext) -> None:
    arrived: list[object] = []
    with pytest.raises(RequestRefused):
        asking(tls, arrived.append, lambda client: client.destroy(Name()))
    assert arrived == []
