"""Connections of tests to servers that do as they are told."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import datetime

from albatross.address import Address
from albatross.certificates import Leaf, utc_now
from albatross.framing import frame
from albatross.transport import Connection, Effect, Guard, Limits, Timing, client_context
from tests.albatross.raw_server import CA

LIMITS = Limits(connect=5, handshake=5, idle=5, total=10)
SHORT = replace(LIMITS, connect=0.02, handshake=0.02, idle=0.02)
ANSWER = b"an answer"
CHUNK = memoryview(frame(bytes(range(256)) * 200))
# What is sent, and whether the outcome is known when nobody answers.
UNKNOWN_OUTCOME = [(Effect.NOTHING, True), (Effect.AT_ONCE, False), (Effect.AT_END, True)]


def a_leaf(*, now: datetime | None = None) -> Leaf:
    return CA.raw_leaf(None, "hello", now=now or utc_now())


def connect(
    address: Address,
    *,
    effect: Effect = Effect.NOTHING,
    limits: Limits = LIMITS,
    guard: Guard | None = None,
    leaf: Leaf | None = None,
) -> Connection:
    leaf = leaf or a_leaf()
    timing = Timing(idle=limits.idle, total=limits.total, guard=guard)
    context = client_context(CA.certificate, leaf.chain)
    return Connection(address, context, leaf, effect=effect, limits=limits, timing=timing)


def say_nothing(tls: ssl.SSLSocket) -> None:
    """Wait until the client goes away."""
    tls.recv(1)


def fill(address: Address, *, effect: Effect = Effect.AT_END, limits: Limits = LIMITS) -> None:
    """Send, as long as the server takes it and says nothing."""
    with connect(address, effect=effect, limits=limits) as connection:
        while connection.send(CHUNK):
            pass
