"""Faults on demand: what they do to an instance (what a client makes of them is tested with the client)."""

from __future__ import annotations

import hashlib
import socket

import pytest
from OpenSSL import SSL

from albatross import messages as m
from albatross.errors import DecodeError, UnknownAlternative
from albatross.simulator import Fault, Kind, build_image
from albatross.simulator.faults import Faults, kind_of
from tests.albatross.simulator.talk import Talk, ask, create, leaf, talk

WEB = "alice:web"
OLD, NEW = build_image(behaviour={"lines": ["old"]}), build_image(behaviour={"lines": ["new"]})
CREATED = m.Text("created unikernel")
INFO = m.UnikernelInfo()


def digest_of(image):
    return hashlib.sha256(image).digest()


def told(instance, name=WEB):
    return [info for _, info in ask(instance, name, INFO).unikernels]


@pytest.fixture
def web(instance):
    """An instance on which the old image runs."""
    assert ask(instance, WEB, create(image=OLD)) == CREATED
    instance.observed.clear()
    return instance


def effects(instance):
    return [r.what for r in instance.observed.records() if r.what in ("killed", "exited", "started")]


# --- which command, and how often --------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (m.UnikernelForceCreate(m.Config()), "unikernel_force_create"),
        (m.UnikernelInfoOld4(), "unikernel_info_old4"),
        (m.BlockSet(False), "block_set"),
        (m.ConsoleListInactive(), "console_list_inactive"),
    ],
)
def test_commands_have_names(command, name):
    assert kind_of(command) == name


def test_a_fault_strikes_its_command_and_name_as_often_as_it_should():
    faults = Faults()
    faults.add(Fault(Kind.HANG, command="unikernel_*create", name="alice:*", times=2))
    assert faults.take(Kind.HANG, "unikernel_info", WEB) is None
    assert faults.take(Kind.HANG, "unikernel_create", "bob:web") is None
    assert faults.take(Kind.FAIL, "unikernel_create", WEB) is None
    struck = faults.take(Kind.HANG, "unikernel_create", WEB)
    assert struck is not None
    assert struck.kind is Kind.HANG
    assert [left for _, left in faults.due()] == [1]
    assert faults.take(Kind.HANG, "unikernel_force_create", WEB) is not None
    assert faults.due() == []


def test_a_fault_without_a_number_stays_until_it_is_cleared():
    faults = Faults()
    faults.add(Fault(Kind.DELAY, times=None))
    assert all(faults.take(Kind.DELAY, "x", "y") for _ in range(10))
    faults.clear()
    assert faults.take(Kind.DELAY, "x", "y") is None


def test_what_strikes_before_the_command_is_known_cannot_choose_it():
    with pytest.raises(ValueError, match="before command and name"):
        Fault(Kind.REFUSE, command="unikernel_info")
    with pytest.raises(ValueError, match="nonsense"):
        Fault("nonsense")  # type: ignore[arg-type]  # that is the mistake


# --- connections -------------------------------------------------------------------------------


def test_unreachable_lasts_until_it_is_cleared_and_what_runs_goes_on(web):
    web.faults.add(Fault(Kind.UNREACHABLE))
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", web.port), 20)
    web.faults.clear()
    assert len(told(web)) == 1
    assert effects(web) == []


def test_refused_connections_are_reset(web):
    web.faults.add(Fault(Kind.REFUSE, times=2))
    for _ in range(2):
        with pytest.raises(SSL.SysCallError, match="ECONNRESET"):
            told(web)
    assert len(told(web)) == 1


def test_a_wrong_certificate_has_another_issuer(web):
    web.faults.add(Fault(Kind.WRONG_CERTIFICATE))
    with pytest.raises(SSL.Error, match="certificate verify failed"):
        told(web)
    assert len(told(web)) == 1


# --- before the effect -------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 100, 100_000])
def test_a_broken_stream_has_no_effect(web, after):
    web.faults.add(Fault(Kind.BREAK_STREAM, after=after))
    image = build_image(padding=200_000)
    with pytest.raises(SSL.Error), talk(web, WEB, create(force=True)) as connection:  # noqa: PT012 - either of both
        connection.stream(*[image[start : start + 1000] for start in range(0, len(image), 1000)])
        connection.receive()
    assert [info.digest for info in told(web)] == [digest_of(OLD)]
    assert effects(web) == []


def test_closed_before_and_failed_have_no_effect(web):
    web.faults.add(Fault(Kind.CLOSE_BEFORE))
    assert ask(web, WEB, create(force=True), image=NEW) is None
    web.faults.add(Fault(Kind.FAIL, text="no mood"))
    assert ask(web, WEB, create(force=True), image=NEW) == m.FailureText("no mood")
    assert effects(web) == []


def test_a_command_that_hangs_has_no_effect(web):
    web.faults.add(Fault(Kind.HANG, command="unikernel_destroy"))
    with talk(web, WEB, m.UnikernelDestroy()) as connection:
        assert connection.quiet()
    assert len(told(web)) == 1


# --- the swap ----------------------------------------------------------------------------------


def test_a_create_that_fails_after_the_kill_leaves_nothing(web):
    web.faults.add(Fault(Kind.CREATE_FAILS, text="no tap"))
    assert ask(web, WEB, create(force=True), image=NEW) == m.FailureText("no tap")
    assert effects(web) == ["killed", "exited"]
    assert told(web) == []


def test_a_slow_exit_delays_the_swap(web):
    web.faults.add(Fault(Kind.SLOW_EXIT, seconds=0.3))
    with talk(web, WEB, create(force=True)) as connection:
        connection.stream(NEW)
        web.observed.wait("killed")
        assert [info.digest for info in told(web)] == [digest_of(OLD)]
        assert connection.rest() == [CREATED]
    assert [info.digest for info in told(web)] == [digest_of(NEW)]


def test_info_may_tell_of_the_one_before(web):
    ask(web, WEB, create(force=True), image=NEW)
    web.faults.add(Fault(Kind.LINGERS, times=2))
    digests = [[info.digest for info in told(web)] for _ in range(3)]
    assert digests == [[digest_of(OLD)], [digest_of(OLD)], [digest_of(NEW)]]


def test_info_may_tell_wrong_starts_and_digests(web):
    (true,) = told(web)
    web.faults.add(Fault(Kind.STARTED_CHANGES, times=2))
    starts = {told(web)[0].started for _ in range(3)} | {true.started}
    assert len(starts) == 3
    web.faults.add(Fault(Kind.WRONG_DIGEST))
    assert told(web)[0].digest != true.digest
    assert told(web) == [true]


# --- the answer --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["close_after", "fail_after", "truncate", "garbage", "oversize"])
def test_a_lost_or_spoilt_answer_comes_after_the_effect(web, kind):
    web.faults.add(Fault(kind, text="not what you think"))
    made = leaf(web, WEB, create(force=True))
    with Talk(web, made.certificate, made.key, made.chain) as connection:
        raw = connection.stream(NEW).read(1_000_000)
    assert effects(web) == ["killed", "exited", "started"]
    assert (b"created unikernel" in raw) is (kind == "oversize")
    assert [info.digest for info in told(web)] == [digest_of(NEW)]


def test_an_answer_may_never_come_after_the_effect(web):
    web.faults.add(Fault(Kind.HANG_AFTER))
    with talk(web, WEB, create(force=True)) as connection:
        connection.stream(NEW)
        web.observed.wait("started", name=WEB)
        assert connection.quiet()


def test_an_answer_may_be_late(web):
    web.faults.add(Fault(Kind.DELAY, seconds=0.3))
    with talk(web, WEB, m.UnikernelDestroy()) as connection:
        web.observed.wait("exited", name=WEB)
        assert connection.quiet(0.05)
        assert connection.rest() == [m.Text("destroyed unikernel")]


def test_an_answer_may_be_of_a_later_version(web):
    web.faults.add(Fault(Kind.UNKNOWN_ALTERNATIVE))
    with pytest.raises(UnknownAlternative):
        told(web)
    web.faults.add(Fault(Kind.GARBAGE))
    with pytest.raises(DecodeError):
        told(web)
