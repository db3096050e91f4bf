"""Whose trouble an error of the system is: the unikernel's, or ours."""

from __future__ import annotations

import errno
import os
import socket
from ipaddress import ip_address

import pytest

from tests.checks.conftest import Probe
from tests.checks.servers import hanging, serving
from unikernels.checks import connecting
from unikernels.checks.connecting import Clock, Wrong, connected
from unikernels.checks.resolving import Place, Unasked
from unikernels.models import CheckResult

PASSED, FAILED, INCONCLUSIVE = CheckResult.Outcome


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.ECONNREFUSED, FAILED),
        (errno.ECONNRESET, FAILED),
        (errno.ETIMEDOUT, FAILED),
        (errno.EHOSTUNREACH, FAILED),  # what comes when a unikernel on the same link is gone
        (errno.EPIPE, FAILED),
        (errno.EMFILE, INCONCLUSIVE),
        (errno.ENFILE, INCONCLUSIVE),
        (errno.ENOBUFS, INCONCLUSIVE),
        (errno.ENETUNREACH, INCONCLUSIVE),
        (errno.ENETDOWN, INCONCLUSIVE),
        (errno.EADDRNOTAVAIL, INCONCLUSIVE),
        (errno.EPERM, INCONCLUSIVE),
    ],
    ids=lambda value: errno.errorcode.get(value, value) if isinstance(value, int) else str(value),
)
def test_an_error_while_connecting(
    monkeypatch: pytest.MonkeyPatch, ask: Probe, here: str, number: int, outcome: str
) -> None:
    def connect(_self: socket.socket, _address: object) -> None:
        raise OSError(number, os.strerror(number))

    questions: dict[str, dict[str, str]] = {
        "http": {"url": f"http://{here}/"},
        "dns": {"server": here, "name": "example.org"},
        "tcp": {"address": f"{here}:22"},
    }
    monkeypatch.setattr(socket.socket, "connect", connect)
    for kind, settings in questions.items():
        found = ask(kind, **settings)
        assert found.outcome == outcome, kind
        assert found.text.endswith(".")


def test_without_a_socket_left_nothing_is_said_about_the_unikernel(
    monkeypatch: pytest.MonkeyPatch, ask: Probe, here: str
) -> None:
    with serving(here, hanging) as server:
        monkeypatch.setattr(socket, "socket", _no_socket)
        found = ask("tcp", address=server.place)
        monkeypatch.undo()
    assert found.outcome == INCONCLUSIVE


def _no_socket(*_: object, **__: object) -> socket.socket:
    raise OSError(errno.EMFILE, "Too many open files")


def test_a_way_that_we_lack_says_less_than_one_that_leads_to_silence(
    monkeypatch: pytest.MonkeyPatch, here: str
) -> None:
    """One of two addresses cannot be reached from here, the other one refuses."""
    troubles = {1: OSError(errno.ENETUNREACH, "Network is unreachable"), 2: ConnectionRefusedError(111, "no")}

    def connection(spot: Place, _seconds: float) -> socket.socket:
        raise troubles[spot.port]

    monkeypatch.setattr(connecting, "_connection", connection)
    spots = [Place(ip_address(here), port) for port in troubles]
    for order in (spots, spots[::-1]):
        with pytest.raises(Wrong, match="refused"):
            connected(order, Clock.of(1))
    with pytest.raises(Unasked):
        connected(spots[:1], Clock.of(1))
