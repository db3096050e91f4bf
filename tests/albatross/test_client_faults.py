"""Everything that a simulated instance can do wrong, and what the client makes of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta

import pytest

from albatross import messages as m
from albatross.certificates import Credentials, generate_ca, utc_now
from albatross.client import Client
from albatross.errors import (
    ClientRefused,
    ClosedWithoutAnswer,
    CommandError,
    Failure,
    ProtocolError,
    ServerRefused,
    TimedOut,
    UnknownReply,
    Unreachable,
)
from albatross.names import Name
from albatross.simulator import Fault, SimulatedInstance
from albatross.simulator.faults import Kind
from albatross.simulator.images import build_image
from albatross.transport import MIB, Limits
from tests.albatross.conftest import POLICY, client_of, credentials_of

HELLO = Name.of("alice", label="hello")
IMAGE = build_image(behaviour={}, padding=200_000)
OTHER_IMAGE = build_image(behaviour={}, padding=100_000)
IMPATIENT = Limits(idle=1.0)  # a busy machine shakes hands within it

KNOWN, UNKNOWN = True, False
# What goes wrong, the error, and whether the outcome is known for a command that changes something.
ENDINGS: list[tuple[Kind, type[CommandError], bool]] = [
    (Kind.UNREACHABLE, Unreachable, KNOWN),
    (Kind.REFUSE, Unreachable, KNOWN),
    (Kind.WRONG_CERTIFICATE, ServerRefused, KNOWN),
    (Kind.CLOSE_BEFORE, ClosedWithoutAnswer, UNKNOWN),
    (Kind.HANG, TimedOut, UNKNOWN),
    (Kind.FAIL, Failure, KNOWN),
    (Kind.CLOSE_AFTER, ClosedWithoutAnswer, UNKNOWN),
    (Kind.HANG_AFTER, TimedOut, UNKNOWN),
    (Kind.FAIL_AFTER, Failure, KNOWN),
    (Kind.TRUNCATE, ClosedWithoutAnswer, UNKNOWN),
    (Kind.GARBAGE, ProtocolError, UNKNOWN),
    (Kind.OVERSIZE, ProtocolError, UNKNOWN),
    (Kind.UNKNOWN_ALTERNATIVE, UnknownReply, UNKNOWN),
]
kinds = pytest.mark.parametrize(("kind", "error", "known"), ENDINGS, ids=[kind for kind, _, _ in ENDINGS])


@pytest.fixture
def asking(instance: SimulatedInstance, error: type[CommandError]) -> Client:
    """A client that does not wait long where there is nothing to wait for."""
    return client_of(instance, IMPATIENT if error is TimedOut else Limits())


def create(client: Client, image: bytes = IMAGE, *, force: bool = False) -> str:
    file = io.BytesIO(image)
    return client.create(HELLO, m.Arguments(), file, size=len(image), force=force, policy=POLICY)


def failed(error: type[CommandError], command: Callable[[], object]) -> CommandError:
    with pytest.raises(error) as raised:
        command()
    assert type(raised.value) is error
    return raised.value


@kinds
def test_a_command_that_reads(
    instance: SimulatedInstance, asking: Client, kind: Kind, error: type[CommandError], known: bool
) -> None:
    instance.faults.add(Fault(kind))
    assert failed(error, asking.unikernels).outcome_known
    instance.faults.clear()
    assert asking.unikernels() == []


@kinds
def test_a_command_that_changes(
    instance: SimulatedInstance, asking: Client, kind: Kind, error: type[CommandError], known: bool
) -> None:
    create(asking)
    instance.faults.add(Fault(kind))
    assert failed(error, lambda: asking.destroy(HELLO, policy=POLICY)).outcome_known is known


@kinds
def test_an_upload(
    instance: SimulatedInstance, asking: Client, kind: Kind, error: type[CommandError], known: bool
) -> None:
    create(asking)
    instance.faults.add(Fault(kind))
    assert failed(error, lambda: create(asking, OTHER_IMAGE, force=True)).outcome_known is known


@kinds
def test_a_download(
    instance: SimulatedInstance, asking: Client, kind: Kind, error: type[CommandError], known: bool
) -> None:
    create(asking)
    instance.faults.add(Fault(kind))
    get = lambda: asking.get_image(HELLO, io.BytesIO(), max_size=10**6, policy=POLICY)  # noqa: E731
    assert failed(error, get).outcome_known


@kinds
def test_a_subscription(
    instance: SimulatedInstance, asking: Client, kind: Kind, error: type[CommandError], known: bool
) -> None:
    instance.faults.add(Fault(kind))
    assert failed(error, lambda: asking.statistics(Name())).outcome_known


def test_an_answer_that_is_late_but_in_time(instance: SimulatedInstance, client: Client) -> None:
    instance.faults.add(Fault(Kind.DELAY, seconds=0.05))
    assert client.unikernels() == []


def test_an_upload_that_breaks_leaves_the_instance_untouched(
    instance: SimulatedInstance, client: Client
) -> None:
    create(client, OTHER_IMAGE)
    before = instance.running()
    instance.faults.add(Fault(Kind.BREAK_STREAM, after=1))
    large = build_image(padding=16 * MIB)  # more than fits into the buffers of sockets
    broken = failed(ClosedWithoutAnswer, lambda: create(client, large, force=True))
    assert broken.outcome_known
    assert client.unikernel(HELLO, policy=POLICY) == before["alice:hello"]


def test_a_create_that_fails_after_the_kill_is_a_failure_in_the_words_of_the_instance(
    instance: SimulatedInstance, client: Client
) -> None:
    create(client, OTHER_IMAGE)
    instance.faults.add(Fault(Kind.CREATE_FAILS))
    assert (
        str(failed(Failure, lambda: create(client, force=True)))
        == "could not create unikernel: console failed"
    )
    assert client.unikernel(HELLO, policy=POLICY) is None


@pytest.mark.parametrize("text", ["error reading from fd", "exception while reading from fd"])
def test_a_text_that_only_tells_of_a_broken_connection_says_nothing_of_the_outcome(
    instance: SimulatedInstance, client: Client, text: str
) -> None:
    create(client)
    instance.faults.add(Fault(Kind.FAIL_AFTER, text=text))
    broken = failed(Failure, lambda: client.destroy(HELLO, policy=POLICY))
    assert (str(broken), broken.outcome_known) == (text, UNKNOWN)
    assert "look at the instance" in broken.hint
    instance.faults.add(Fault(Kind.FAIL, text=text))
    assert failed(Failure, client.unikernels).outcome_known


def test_a_guest_that_does_not_end_leaves_the_outcome_unknown(
    instance: SimulatedInstance, client: Client
) -> None:
    create(client)
    instance.faults.add(Fault(Kind.SLOW_EXIT, seconds=float("inf")))
    impatient = client_of(instance, IMPATIENT)
    assert not failed(TimedOut, lambda: impatient.destroy(HELLO, policy=POLICY)).outcome_known


def test_an_instance_that_trusts_another_ca(instance: SimulatedInstance) -> None:
    stranger = generate_ca("stranger")
    credentials = Credentials(credentials_of(instance).server_ca, stranger)
    refused = failed(ClientRefused, lambda: create(Client(instance.address, credentials)))
    assert refused.outcome_known
    assert "CA that the instance trusts" in refused.hint


@pytest.mark.parametrize("ahead", [timedelta(minutes=-10), timedelta(minutes=10)])
def test_clocks_that_differ(instance: SimulatedInstance, ahead: timedelta) -> None:
    given = credentials_of(instance)
    older = generate_ca("albatross simulator", key=given.authority.key, now=utc_now() - timedelta(days=1))
    client = Client(instance.address, Credentials(given.server_ca, older), clock=lambda: utc_now() + ahead)
    refused = failed(ClientRefused, lambda: client.unikernel(HELLO, policy=POLICY))
    assert "clocks" in refused.hint


@pytest.mark.parametrize(("size", "text"), [(0, "set block: not found"), (16 * MIB, "writing block data")])
def test_an_upload_that_is_refused_while_it_is_under_way(
    instance: SimulatedInstance, client: Client, size: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the device was removed between our look and the upload."""
    found = m.BlockState(HELLO, 64, active=False)
    monkeypatch.setattr("albatross.client.api.Client._free_block", lambda *_args: found)
    data = io.BytesIO(bytes(size))
    refused = failed(Failure, lambda: client.block_set(HELLO, data, size=size, policy=POLICY))
    assert str(refused) == text
    assert refused.outcome_known is (text == "set block: not found")
